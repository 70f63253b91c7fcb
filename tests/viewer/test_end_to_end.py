"""The built viewer on a real study in Chromium: in the report, and served."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from embedlens.report import write_report
from embedlens.study import Study
from embedlens.viewer.bundle import is_built

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the path"),
    pytest.mark.skipif(not is_built(), reason="the viewer is not built: npm run build in viewer/"),
]

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-unsafe-swiftshader", "--use-angle=swiftshader",
]  # fmt: skip
COUNT = 45
# Before the viewer stands there, `viewer` is the element of that id.
DRAWN = """async () => {
  while (!window.viewer?.ready) await new Promise((done) => setTimeout(done, 20));
  await viewer.ready;
  return viewer.statistics.points;
}"""


class Opened:
    """A page that notes what it asks for and what it complains of."""

    def __init__(self, browser, *, offline=False, script="", **options):
        context = browser.new_context(offline=offline, reduced_motion="reduce", **options)
        context.set_default_timeout(60_000)
        self.page = context.new_page()
        self.requests, self.complaints = [], []
        self.page.add_init_script(script)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("console", self._listen)

    def _listen(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def drawn(self):
        """How many points the viewer draws, once it does."""
        # `wait_for_function` evaluates text within the page, which its policy forbids.
        return self.page.evaluate(DRAWN)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A study of dark, grey and light pictures, run to its end, with its report."""
    parent = tmp_path_factory.mktemp("real")
    rng = np.random.default_rng(0)
    for name, shade in {"dark": 40, "grey": 120, "light <b>": 210}.items():
        (parent / "pictures" / name).mkdir(parents=True)
        for i in range(COUNT // 3):
            pixels = np.clip(rng.normal(shade, 20, (40, 50, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(parent / "pictures" / name / f"{i:02}.png")
    names = ["EfficientNetLite0"]
    study = Study(parent / "pictures", names, out=parent / "study", size=64, repeats=1)
    study.run()
    study.report()
    return study


@pytest.fixture
def report(real):
    return (real.folder / "report.html").as_uri()


def test_the_report_draws_every_picture_without_a_network(browser, report):
    opened = Opened(browser, offline=True)
    opened.page.goto(report)
    opened.page.locator("#viewer").scroll_into_view_if_needed()
    assert opened.drawn() == COUNT
    opened.page.evaluate('viewer.set({opened: 20, panel: "picture"})')
    opened.page.locator("#viewer").get_by_text("grey/05.png").first.wait_for()
    assert [url for url in opened.requests if not url.startswith(("blob:", "data:"))] == [report]
    assert opened.complaints == []


def test_the_report_is_read_before_the_viewer_is_started(browser, report):
    opened = Opened(browser, offline=True, viewport={"width": 800, "height": 300})
    opened.page.goto(report)
    opened.page.wait_for_timeout(200)
    assert opened.page.evaluate("typeof viewer.ready") == "undefined"  # only the element is there


def test_on_paper_figures_stand_in_the_viewers_place(browser, report):
    opened = Opened(browser, offline=True)
    opened.page.goto(report)
    viewer, figures = opened.page.locator("#viewer"), opened.page.locator("#still")
    assert (viewer.is_visible(), figures.is_visible()) == (True, False)
    opened.page.emulate_media(media="print")
    assert (viewer.is_visible(), figures.is_visible()) == (False, True)
    opened.page.emulate_media(media="screen")
    every = opened.page.locator("#stills figure")
    assert not every.first.is_visible()
    opened.page.get_by_text("The maps as figures").click()
    assert every.first.is_visible()


def test_without_webgl_the_figures_stay_and_the_page_says_why(browser, report):
    script = "HTMLCanvasElement.prototype.getContext = () => null;"
    opened = Opened(browser, offline=True, script=script)
    opened.page.goto(report)
    assert "this browser has no WebGL 2" in opened.page.locator("#viewer-note").inner_text()
    assert opened.page.locator("#still").is_visible()
    assert not opened.page.locator("#viewer").is_visible()
    assert opened.complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_runs_over_the_edge_of_the_window(browser, report, width):
    opened = Opened(browser, offline=True, viewport={"width": width, "height": 800})
    opened.page.goto(report)
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width


def test_names_that_are_html_run_nothing(browser, finished, monkeypatch):
    monkeypatch.setattr("embedlens.report.figures.write_figure", lambda *given: None)
    opened = Opened(browser, offline=True)
    opened.page.goto(write_report(finished.folder).as_uri())
    opened.page.locator("#viewer").scroll_into_view_if_needed()
    assert opened.drawn() == 45
    opened.page.evaluate('viewer.set({opened: 20, panel: "picture"})')
    opened.page.wait_for_timeout(300)
    assert opened.complaints == []


def test_served_it_draws_every_picture_and_asks_this_machine_alone(browser, real):
    command = [sys.executable, "-c", "from embedlens.cli import main; main()", "view"]
    child = subprocess.Popen(
        [*command, str(real.folder), "--no-browser"], stdout=subprocess.PIPE, text=True
    )
    try:
        child.stdout.readline()
        address = child.stdout.readline().split()[0]
        url = re.match(r"http://127\.0\.0\.1:\d+/", address)[0]
        token = address.removeprefix(url)
        opened = Opened(browser)
        opened.page.goto(address)
        assert opened.drawn() == COUNT
        with opened.page.expect_response(re.compile("/neighbours")) as near:
            opened.page.evaluate('viewer.set({opened: 20, panel: "picture"})')
        assert len(near.value.json()["indices"]) == 12
        opened.page.wait_for_load_state("networkidle")
        asked = {each.removeprefix(url) for each in opened.requests}
        assert {token, "viewer.js", "scene.json", "pictures/20", "data/map-0"} <= asked
        assert all(each.startswith((url, "blob:", "data:")) for each in opened.requests)
        assert opened.complaints == []
        opened.page.goto(url)  # by the cookie alone
        assert opened.drawn() == COUNT
        stranger = Opened(browser)
        stranger.page.goto(url)
        assert "Open the whole address that was printed" in stranger.page.inner_text("body")
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
