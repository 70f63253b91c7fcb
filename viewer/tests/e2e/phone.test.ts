/** Small screens and fingers. */

import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "../browser";
import { makeScene } from "../scenes";
import { serve, type Served } from "../serve";
import { audit, lonelyPicture, open, placeOf, placesOf, selection } from "./page";

const PHONE = { width: 390, height: 844 };
const findings = [{ kind: "suspect label", picture: 5, suggested: "lion", reason: "labelled otherwise" }];
const made = makeScene({ count: 300, findings });

let browser: Browser;
let server: Served;
let page: Page;
let touch: CDPSession;
let complaints: string[];

// One page for all: each test leaves it as it found it.
beforeAll(async () => {
  browser = await launch();
  server = await serve(made);
  const device = { viewport: PHONE, hasTouch: true, isMobile: true };
  ({ page, complaints } = await open(browser, server.address, false, device));
  touch = await page.context().newCDPSession(page);
});
afterAll(async () => {
  await browser.close();
  server.close();
  expect(complaints).toEqual([]);
});

type Fingers = [number, number][];

async function fingers(type: "touchStart" | "touchMove" | "touchEnd", at: Fingers): Promise<void> {
  const touchPoints = at.map(([x, y], id) => ({ x, y, id }));
  await touch.send("Input.dispatchTouchEvent", { type, touchPoints });
}

async function swipe(from: Fingers, to: Fingers): Promise<void> {
  await fingers("touchStart", from);
  for (const share of [0.25, 0.5, 0.75, 1])
    await fingers(
      "touchMove",
      from.map(([x, y], k) => [x + (to[k][0] - x) * share, y + (to[k][1] - y) * share]),
    );
  await fingers("touchEnd", []);
  await still();
}

const camera = () => page.evaluate(() => window.viewer.state!.camera);
/** What was begun is over: the camera stays where it is, however long the page takes to draw. */
async function still(): Promise<void> {
  for (let before = "", same = 0; same < 3;) {
    const now = JSON.stringify(await camera());
    same = now === before ? same + 1 : 0;
    before = now;
    await page.evaluate(
      () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
    );
    await page.waitForTimeout(100);
  }
}
/** Back to the whole stage, after which the points are fitted to it. */
async function reset(): Promise<void> {
  await page.evaluate(() => window.viewer.set({ panel: "none", opened: null, hover: null, tool: "move" }));
  await still();
}

/** The sides of all points, and of what is free of the stage. */
async function boxes() {
  const places = await placesOf(page);
  const free = await page.evaluate(() => {
    const root = document.querySelector("[data-embedlens]")!.shadowRoot!;
    const boxOf = (part: string) => root.querySelector(part)!.getBoundingClientRect();
    const [stage, tools, panel] = [boxOf(".stage"), boxOf(".tools"), boxOf(".panel")];
    const right = panel.left > stage.left && panel.top < stage.bottom ? panel.left : stage.right;
    return { left: tools.right, right, top: boxOf(".pane-title").bottom, bottom: stage.bottom };
  });
  const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
  const points = {
    left: Math.min(...xs),
    right: Math.max(...xs),
    top: Math.min(...ys),
    bottom: Math.max(...ys),
  };
  return { points, free };
}

test.each([
  [390, 844, "none"],
  [390, 844, "findings"],
  [844, 390, "none"],
  [820, 1180, "findings"],
  [1400, 900, "picture"],
] as const)("no point runs off a screen of %i x %i (panel: %s)", async (width, height, panel) => {
  await page.setViewportSize({ width, height });
  await page.evaluate((panel) => window.viewer.set({ panel }), panel);
  await expect
    .poll(async () => {
      const { points, free } = await boxes();
      return (
        points.left > free.left &&
        points.right < free.right &&
        points.top > free.top &&
        points.bottom < free.bottom
      );
    })
    .toBe(true);
  await page.setViewportSize(PHONE);
  await reset();
});

test("what is pressed is 44 pixels high and wide enough for a finger", async () => {
  for (const panel of ["none", "findings", "confusion"] as const) {
    await page.evaluate((panel) => window.viewer.set({ panel, selection: Uint32Array.of(1) }), panel);
    await page.waitForTimeout(100);
    const small = await page.evaluate(() => {
      const root = document.querySelector("[data-embedlens]")!.shadowRoot!;
      return [...root.querySelectorAll<HTMLElement>(".frame button:not(td button), .frame select")]
        .map((element) => ({
          name: element.title || element.className,
          box: element.getBoundingClientRect(),
        }))
        .filter(({ box }) => box.width > 0 && (box.height < 44 || box.width < 40 || box.right > 390))
        .map(({ name, box }) => `${name}: ${box.width} x ${box.height}`);
    });
    expect(small).toEqual([]);
  }
  await reset();
});

test("one finger turns, two move and come nearer, and the page never scrolls", async () => {
  await still();
  const first = await camera();
  await swipe([[200, 400]], [[200, 560]]);
  const turned = await camera();
  expect(turned.elevation).not.toBe(first.elevation);
  expect(turned.target).toEqual(first.target);
  await swipe(
    [
      [150, 400],
      [250, 400],
    ],
    [
      [150, 500],
      [250, 500],
    ],
  );
  const moved = await camera();
  expect(moved.span).toBeCloseTo(turned.span, 1);
  expect(moved.azimuth).toBe(turned.azimuth);
  expect(moved.target).not.toEqual(turned.target);
  await swipe(
    [
      [190, 400],
      [230, 400],
    ],
    [
      [110, 400],
      [310, 400],
    ],
  );
  expect((await camera()).span).toBeLessThan(moved.span * 0.5);
  await expect.poll(() => page.evaluate(() => [scrollX, scrollY, visualViewport!.scale])).toEqual([0, 0, 1]);
  await page.keyboard.press("f");
});

test("a tap shows a picture, a second comes nearer to it, a long press opens it", async () => {
  const i = await lonelyPicture(page);
  const at = await placeOf(page, i);
  await page.touchscreen.tap(at[0] + 4, at[1] + 3); // a finger misses by some pixels
  await page.locator(".hovercard").waitFor();
  await expect
    .poll(() => page.evaluate(() => [window.viewer.state!.hover, window.viewer.state!.opened]))
    .toEqual([i, null]);
  await page.waitForTimeout(400);
  const before = await camera();
  await fingers("touchStart", [at]);
  await fingers("touchEnd", []);
  await fingers("touchStart", [at]);
  await fingers("touchEnd", []);
  const near = await camera();
  expect(near.span).toBeCloseTo(before.span / 2, 5);
  const point = await page.evaluate(
    (i) => [...window.viewer.inspect().panes[0].points.slice(i * 3, i * 3 + 3)],
    i,
  );
  expect(near.target).toEqual(point);
  const { viewport } = await page.evaluate(() => window.viewer.inspect().panes[0]);
  const [x, y] = await placeOf(page, i);
  await fingers("touchStart", [[x, y]]);
  await page.waitForFunction((i) => window.viewer.state!.opened === i, i);
  await fingers("touchEnd", []);
  await expect.poll(() => page.evaluate(() => window.viewer.state!.panel)).toBe("picture");
  expect(viewport.width).toBe(390);
  await reset();
  await page.keyboard.press("f");
});

test("the lasso's button draws with one finger; what is drawn next is added", async () => {
  const draw = async (line: Fingers) => {
    await fingers("touchStart", [line[0]]);
    for (const at of line.slice(1)) await fingers("touchMove", [at]);
    await fingers("touchEnd", []);
    await reset();
  };
  // Clicks: after a line that the test draws, Chromium's emulation makes none of a quick tap.
  await page.getByRole("button", { name: "Lasso" }).click();
  await draw([
    [70, 200],
    [230, 200],
    [230, 700],
    [70, 700],
  ]);
  const left = await selection(page);
  await page.getByRole("button", { name: "Lasso" }).click();
  await page.getByRole("button", { name: "Add what is enclosed" }).click();
  await draw([
    [225, 200],
    [389, 200],
    [389, 700],
    [225, 700],
  ]);
  expect(left.length).toBeGreaterThan(20);
  expect((await selection(page)).length).toBe(300);
});

test.each(["light", "dark"] as const)(
  "axe finds nothing serious in the findings (%s)",
  async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(() => window.viewer.set({ panel: "findings", colour: "finding" }));
    await page.locator(".finding-row").first().waitFor();
    for (const decisions of [[], [[5, "drop"]]] as [number, "drop"][][]) {
      await page.evaluate((decisions) => window.viewer.set({ decisions: new Map(decisions) }), decisions);
      expect(await audit(page)).toEqual([]);
    }
    await reset();
  },
);
