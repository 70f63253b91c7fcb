/** An opened viewer, and what a test does with it. */

import axe from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { Viewer } from "../../src/viewer";

declare global {
  interface Window {
    viewer: Viewer;
  }
}

export interface Opened {
  page: Page;
  /** What the page complained of. */
  complaints: string[];
}

export async function open(
  browser: Browser,
  address: string,
  offline = false,
  device: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width: 1000, height: 680 },
    offline,
    reducedMotion: "reduce",
    acceptDownloads: true,
    ...device,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(80_000); // software drawing on a busy machine
  const complaints: string[] = [];
  page.on(
    "console",
    (message) =>
      (message.type() === "error" || message.type() === "warning") && complaints.push(message.text()),
  );
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url().slice(0, 100)}`));
  await page.goto(address);
  await page.waitForFunction(() => window.viewer as unknown);
  await page.evaluate(() => window.viewer.ready);
  return { page, complaints };
}

/** Where all points lie on the page. */
export function placesOf(page: Page): Promise<[number, number][]> {
  return page.evaluate(() => {
    const { viewport, screen } = window.viewer.inspect().panes[0];
    const overlay = document
      .querySelector("[data-embedlens], #viewer")!
      .shadowRoot!.querySelector(".overlay")!;
    const { left, top } = overlay.getBoundingClientRect();
    return Array.from(screen.x, (x, i): [number, number] => [
      left + viewport.left + x,
      top + viewport.top + screen.y[i],
    ]);
  });
}

/** Where a picture's point lies on the page. */
export function placeOf(page: Page, i: number, pane = 0): Promise<[number, number]> {
  return page.evaluate(
    ([i, pane]) => {
      const { viewport, screen } = window.viewer.inspect().panes[pane];
      const overlay = document
        .querySelector("[data-embedlens], #viewer")!
        .shadowRoot!.querySelector(".overlay")!;
      const { left, top } = overlay.getBoundingClientRect();
      return [left + viewport.left + screen.x[i], top + viewport.top + screen.y[i]] as [number, number];
    },
    [i, pane],
  );
}

/** A picture whose point no other covers, in the pane's free part. */
export function lonelyPicture(page: Page, pane = 0): Promise<number> {
  return page.evaluate((pane) => {
    const { viewport, screen } = window.viewer.inspect().panes[pane];
    const { shown } = window.viewer.state!;
    let best = -1;
    let farthest = 0;
    for (let i = 0; i < shown.length; i++) {
      const [x, y] = [screen.x[i], screen.y[i]];
      if (!shown[i] || !(x > 90 && y > 80 && x < viewport.width - 90 && y < viewport.height - 80)) continue;
      let nearest = Infinity;
      for (let j = 0; j < shown.length; j++)
        if (j !== i) nearest = Math.min(nearest, Math.hypot(screen.x[j] - x, screen.y[j] - y));
      if (nearest > farthest) [best, farthest] = [i, nearest];
    }
    return best;
  }, pane);
}

export async function drag(page: Page, line: [number, number][]): Promise<void> {
  await page.mouse.move(...line[0]);
  await page.mouse.down();
  for (const place of line.slice(1)) await page.mouse.move(...place);
  await page.mouse.up();
}

export function selection(page: Page): Promise<number[]> {
  return page.evaluate(() => window.viewer.selection);
}

/** What axe finds that is serious. */
export async function audit(page: Page): Promise<string[]> {
  const result = await page.evaluate(async (source) => {
    (0, eval)(source);
    // A ground that is half way from one theme to the other has the contrast of neither.
    const shadow = document.querySelector("[data-embedlens]")?.shadowRoot;
    const changing = [...document.getAnimations(), ...(shadow?.getAnimations() ?? [])];
    await Promise.allSettled(changing.map(({ finished }) => finished));
    return (window as unknown as { axe: typeof axe }).axe.run();
  }, axe.source);
  return result.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map((node) => node.html)
          .join(" | ")
          .slice(0, 300)}`,
    );
}
