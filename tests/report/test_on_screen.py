"""The report in Chromium: its layers, on wide and narrow screens, light and dark, and on paper."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

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


def opened(browser, made, width, scheme="light"):
    # What the page's policy forbids others, a test may: it brings its own script.
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto((made.folder / "report.html").as_uri())
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
