"""Report and page of a check in Chromium: on wide and narrow screens, light and dark, on paper."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from embedlens.curation import Check
from embedlens.curation.file_facts import FileFacts
from embedlens.curation.finding import Finding
from embedlens.images import ImageSet
from embedlens.images.location import resolved
from embedlens.report import write_check
from embedlens.viewer.decisions import Decisions
from embedlens.viewer.labels import WrittenLabels

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the path")

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip
AXE = Path(__file__).parents[2] / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
A4 = 703  # CSS pixels between its margins of 12 mm

# What ends beyond the window; what scrolls by itself may.
BEYOND = """() => [...document.querySelectorAll("main *, header *, footer *")]
  .filter((each) => !each.closest(".matrix-box, #viewer, svg, .unseen"))
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .map((each) => each.outerHTML.slice(0, 120))"""
# Text that its box cuts off, but for paths, which end in dots and are whole in their title.
CUT = """() => [...document.querySelectorAll("main :is(p, h2, h3, h4, th, td, code, span)")]
  .filter((each) => !each.closest(".path, .matrix, #viewer, .unseen") && each.clientWidth)
  .filter((each) => getComputedStyle(each).overflowX === "hidden")
  .filter((each) => each.scrollWidth > each.clientWidth + 1)
  .map((each) => each.outerHTML.slice(0, 120))"""
CUT_CELLS = """all => all.filter((each) => each.scrollWidth > each.clientWidth + 1)
  .map((each) => each.outerHTML)"""
OPEN_ALL = """() => {
  for (const each of document.querySelectorAll("details")) each.open = true;
}"""
CONTRAST = """async () => {
  const context = {include: [["body"]], exclude: [["#viewer"], [".blank"]]};
  const found = await axe.run(context, {runOnly: ["wcag2a", "wcag2aa"]});
  return found.violations.map(({id, nodes}) => [id, nodes.map(({html}) => html.slice(0, 99))]);
}"""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(browser, made, width, scheme="light", name="report.html", **options):
    # What the page's policy forbids others, a test may: it brings its own script.
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme,
        **{"bypass_csp": True, **options},
    )  # fmt: skip
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto((made.folder / name).as_uri())
    return page


def test_the_verdict_is_one_screen_and_evidence_three_before_the_first_fold(browser, dear_best):
    page = opened(browser, dear_best, 1400)
    verdict = page.locator("#verdict").bounding_box()
    assert verdict["y"] + verdict["height"] <= 900
    assert page.locator("details").first.bounding_box()["y"] <= 3 * 900
    assert page.locator("#record details[open]").count() == 0
    text = page.locator("#verdict").inner_text()
    assert "Take Cheap: expect it to get" in text
    assert f"embedlens view {dear_best.folder.name}" in text
    assert page.locator("#verdict .confused .card").count() == 3
    assert page.locator("#verdict .confused img").count() >= 3


def test_of_21_classes_it_is_six_screens_and_no_question_more_than_one(browser, dear_best):
    page = opened(browser, dear_best, 1400)
    sizes = page.locator("main > section").evaluate_all(
        "all => all.map((each) => [each.id, each.getBoundingClientRect().height])"
    )
    assert [name for name, height in sizes if height > 900] == []
    assert page.evaluate("document.documentElement.scrollHeight") <= 6.1 * 900
    certainty, labels = (page.locator(each).bounding_box() for each in ("#calibration", "#labels"))
    assert certainty["y"] == labels["y"]
    assert page.locator(".matrix td").evaluate_all(CUT_CELLS) == []


def test_numbers_that_are_opened_get_the_whole_width(browser, dear_best):
    page = opened(browser, dear_best, 1400)
    page.locator("#labels .more > summary").click()
    assert page.locator("#labels").bounding_box()["width"] > 1000
    assert page.evaluate(BEYOND) == []


def test_a_link_to_the_record_opens_it(browser, dear_best):
    page = opened(browser, dear_best, 1400)
    page.locator('#record a[href="#method"]').click()
    assert page.locator("#method").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_nothing_is_cut_off_and_all_can_be_read(browser, dear_best, width, scheme):
    page = opened(browser, dear_best, width, scheme)
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(BEYOND) == []
    assert page.evaluate(CUT) == []
    if AXE.is_file():  # where the viewer's tools are installed
        page.add_script_tag(path=AXE)
        assert page.evaluate(CONTRAST) == []


def test_figures_have_the_ground_of_the_page(browser, dear_best):
    """A ground of their own would be white under the light letters of a dark page."""
    page = opened(browser, dear_best, 1400, "dark")
    white = """() => [...document.querySelectorAll("figure svg :is(path, rect)")]
      .map((each) => getComputedStyle(each).fill)
      .filter((fill) => fill === "rgb(255, 255, 255)").length"""
    assert page.evaluate(white) == 0


def test_on_paper_it_is_light_and_no_column_is_lost(browser, dear_best):
    page = opened(browser, dear_best, A4, "dark")
    page.evaluate(OPEN_ALL)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= A4
    assert page.evaluate(BEYOND) == []
    sizes = "all => all.map((each) => [each.scrollWidth, each.clientWidth])"
    tables = page.locator(".scroll").evaluate_all(sizes)
    assert all(needs <= has + 1 for needs, has in tables)


def test_between_names_written_from_right_to_left_the_order_is_the_pages(browser, foreign):
    """Else an arrow between two such names points from the class that was said to the label."""
    page = opened(browser, foreign, 1400)
    lefts = """all => all.map((each) => [...each.querySelectorAll("bdi")])
      .map((names) => names.map((name) => name.getClientRects()[0]))
      .map((boxes) => boxes.map(({top, left}) => [Math.round(top), left]))"""
    tiles = page.locator("#mistakes .tiles li > div").filter(has_text="→").evaluate_all(lefts)
    places = [each for each in tiles if each]
    assert len(places) > 3
    assert all(label < predicted for label, predicted in places)
    ranges = """all => all.map((each) => {
      const number = document.createRange();
      number.selectNode(each.nextSibling);
      return [each, number].map((one) => [...one.getClientRects()].at(-1))
        .map(({top, left}) => [Math.round(top), left]);
    })"""
    counts = page.locator(".bars td.note bdi").evaluate_all(ranges)
    assert counts
    assert all(name < number for name, number in counts)


@pytest.mark.parametrize("width", [1400, A4])
def test_a_name_of_one_long_word_hides_no_column(browser, foreign, width):
    page = opened(browser, foreign, width)
    page.evaluate(OPEN_ALL)
    sizes = "all => all.map((each) => [each.scrollWidth, each.clientWidth, each.innerText])"
    tables = page.locator(".scroll:has(th.long)").evaluate_all(sizes)
    assert tables
    assert [told for needs, has, told in tables if needs > has + 1] == []


@dataclass(frozen=True)
class Checked:
    """The folder of a check, and its pictures."""

    folder: Path
    images: ImageSet
    place: str


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Two classes, one with marks of HTML and CSV in its name; a pair, and two labels in doubt."""
    parent = tmp_path_factory.mktemp("checked")
    for label in ("cat, &<b>", "dog"):
        (parent / "photos" / label).mkdir(parents=True)
        for i in range(4):
            shade = (60 * i, 200 if label == "dog" else 20, 0)
            Image.new("RGB", (40, 40), shade).save(parent / "photos" / label / f'{i} "é".png')
    images = ImageSet.read(parent / "photos")
    paths = images.paths.tolist()
    found = [
        Finding("unreadable", "broken.png", "no picture", "remove it"),
        Finding("two labels", paths[0], "alike", "give one", "cat, &<b>", "train", paths[4], "dog",
                "train"),
        Finding("suspect label", paths[5], "wrong", "move it", "dog", suggested="cat, &<b>"),
        Finding("suspect label", paths[6], "wrong", "move it", "dog", suggested="cat, &<b>"),
        Finding("outlier", "dog/set aside.png", "far", "look", "dog"),
    ]  # fmt: skip
    table = pd.DataFrame(map(vars, found), columns=[each.name for each in fields(Finding)])
    write_check(Check(images, "Net", table, FileFacts(0.5, 0.5, {}, {})), parent / "check")
    return Checked(parent / "check", images, resolved(parent / "photos"))


def opened_check(browser, checked, width=1400, scheme="light", **options):
    page = opened(browser, checked, width, scheme, "check.html", **options)
    page.locator(".bar-of").wait_for()
    return page


def told(page):
    return page.locator(".bar-of strong").inner_text()


def test_decisions_on_a_check_make_the_table_that_the_viewer_writes(browser, checked):
    page = opened_check(browser, checked, bypass_csp=False)
    complaints, asked = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.locator(".bar-of").wait_for()
    assert told(page) == "0 of 3 decided"
    pair, one, other = page.locator("li[data-picture]").all()
    pair.get_by_role("button", name="Move").nth(0).click()  # and so the other is kept
    one.get_by_role("button", name="Move").click()
    other.get_by_role("combobox").fill(" owl ")
    other.get_by_role("button", name="Move").click()
    assert told(page) == "3 of 3 decided"
    page.get_by_role("button", name="Undo").click()
    other.get_by_role("button", name="Drop").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download labels.csv").click()
    own = (page.url, "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
    assert complaints == []
    pictures = checked.images.to_frame()
    paths = pictures["path"].tolist()
    written = WrittenLabels(checked.folder, (checked.place, pictures))
    told_of = written.write(Decisions((4,), {"dog": (0,), "cat, &<b>": (5,)}, (6,)))
    tables = [
        pd.read_csv(each, dtype=str, keep_default_na=False)
        for each in (download.value.path(), told_of["path"])
    ]
    pd.testing.assert_frame_equal(*tables)
    # Where the page says that it belongs, it is an image set, and the viewer goes on from it.
    shutil.copy(download.value.path(), checked.folder / "labels.csv")
    assert written.read() == Decisions((4,), {"dog": (0,), "cat, &<b>": (5,)}, (6,))
    read = ImageSet.read(checked.folder / "labels.csv")
    found = {Path(path).name: label for path, label in zip(read.paths, read.labels, strict=True)}
    assert len(read) == len(paths) - 1
    assert {str(each) for each in found.values()} == {"cat, &<b>", "dog"}


def test_decisions_on_a_check_are_there_again_and_can_be_taken_back(browser, checked):
    page = opened_check(browser, checked)
    drop = page.locator("li[data-picture]").nth(1).get_by_role("button", name="Drop")
    drop.click()
    page.reload()
    page.locator(".bar-of").wait_for()
    assert told(page) == "1 of 3 decided"
    assert drop.get_attribute("aria-pressed") == "true"
    drop.click()
    assert told(page) == "0 of 3 decided"
    page.keyboard.press("Control+z")
    assert told(page) == "1 of 3 decided"


def test_without_scripts_a_check_shows_all_that_it_found(browser, checked):
    page = opened(browser, checked, 1400, name="check.html", java_script_enabled=False)
    assert page.locator(".tiles li").count() == 4
    assert page.locator("dt").count() == 1
    assert page.locator("button").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
def test_nothing_of_a_check_is_cut_off_and_all_can_be_read(browser, checked, width, scheme):
    page = opened_check(browser, checked, width, scheme)
    page.locator("li[data-picture]").first.get_by_role("button", name="Keep both").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(BEYOND) == []
    assert page.evaluate(CUT) == []
    bar = page.locator(".bar-of").bounding_box()
    assert bar["y"] + bar["height"] <= 900
    if AXE.is_file():
        page.add_script_tag(path=AXE)
        assert page.evaluate(CONTRAST) == []


def test_on_paper_a_check_has_no_buttons(browser, checked):
    page = opened_check(browser, checked, A4)
    page.emulate_media(media="print")
    for each in (*page.get_by_role("button").all(), page.locator(".bar-of")):
        assert not each.is_visible()
    assert page.locator(".tiles img").first.is_visible()
