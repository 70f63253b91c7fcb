/**
 * The viewer in headless Chromium, drawn in software: one line of JSON a size.
 *
 *     npx jiti benchmark/measure.ts 2800 100000 1000000
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { launch } from "../tests/browser";
import { makeScene, type MadeScene } from "../tests/scenes";
import { serve, singlePage } from "../tests/serve";
import type { Viewer } from "../src/viewer";

declare global {
  interface Window {
    viewer: Viewer;
  }
}

/** Up to so many points, the scene is one HTML file with thumbnails; above, it is served. */
const ONE_FILE = 5000;
const FRAMES = 40;

async function measure(browser: Browser, count: number) {
  const single = count <= ONE_FILE;
  const made = makeScene({ count, classes: 10, thumbnails: single, neighbours: single });
  const { address, close, bytes } = single ? file(made) : await served(made);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  try {
    await page.goto(address, { waitUntil: "commit" });
    await page.waitForFunction(() => window.viewer as unknown, undefined, { polling: 20 });
    const load = await page.evaluate(async () => {
      await window.viewer.ready;
      await new Promise((done) => requestAnimationFrame(done));
      return performance.now();
    });
    const { points } = await page.evaluate(() => window.viewer.statistics);
    await page.waitForTimeout(1500);
    const heap = await heapOf(page);
    const frames = await turn(page);
    const lasso = await drawLasso(page);
    return { count, points, one_file: single, megabytes: bytes / 1e6, load_ms: load, heap_mb: heap, ...frames, ...lasso };
  } finally {
    await page.close();
    close();
  }
}

function file(made: MadeScene) {
  const folder = mkdtempSync(join(tmpdir(), "viewer-"));
  const html = singlePage(made);
  writeFileSync(join(folder, "report.html"), html);
  return { address: pathToFileURL(join(folder, "report.html")).href, bytes: html.length, close: () => rmSync(folder, { recursive: true }) };
}

async function served(made: MadeScene) {
  const { address, close } = await serve(made);
  return { address, close, bytes: [...made.blobs.values()].reduce((sum, blob) => sum + blob.length, 0) };
}

/** Megabytes of objects and of arrays. */
async function heapOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const usage = (await session.send("Runtime.getHeapUsage")) as { usedSize: number; backingStorageSize?: number };
  return (usage.usedSize + (usage.backingStorageSize ?? 0)) / 1e6;
}

/** Turn the map, a step a frame: what each frame cost in script, and how long it took to appear. */
function turn(page: Page): Promise<{ script_ms: number; script_worst_ms: number; frame_ms: number }> {
  return page.evaluate(async (frames) => {
    const scripts: number[] = [];
    const begun = performance.now();
    for (let k = 0; k < frames; k++) {
      const { camera } = window.viewer.state!;
      const before = performance.now();
      window.viewer.set({ camera: { ...camera, azimuth: camera.azimuth + 3 } });
      const handling = performance.now() - before;
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      scripts.push(handling + window.viewer.statistics.script);
    }
    const all = performance.now() - begun;
    scripts.sort((a, b) => a - b);
    return { script_ms: scripts[frames / 2], script_worst_ms: scripts[frames - 1], frame_ms: all / frames };
  }, FRAMES);
}

/** Draw a lasso of 200 places; the time from lifting the pointer to the selection, gallery and all. */
function drawLasso(page: Page): Promise<{ lasso_ms: number; selected: number }> {
  return page.evaluate(async () => {
    window.viewer.set({ tool: "lasso" });
    const overlay = document.querySelector("[data-embedlens], #viewer")!.shadowRoot!.querySelector<HTMLElement>(".overlay")!;
    overlay.setPointerCapture = () => undefined; // a pointer that is not there cannot be captured
    const { left, top, width, height } = overlay.getBoundingClientRect();
    const send = (type: string, angle: number) =>
      overlay.dispatchEvent(
        new PointerEvent(type, {
          pointerId: 7,
          bubbles: true,
          composed: true,
          clientX: left + width * (0.5 + 0.3 * Math.cos(angle) + 0.03 * Math.cos(9 * angle)),
          clientY: top + height * (0.5 + 0.4 * Math.sin(angle)),
        }),
      );
    send("pointerdown", 0);
    for (let k = 1; k < 200; k++) send("pointermove", (k / 200) * 2 * Math.PI);
    await new Promise((done) => setTimeout(done, 500));
    const before = performance.now();
    send("pointerup", 2 * Math.PI);
    return { lasso_ms: performance.now() - before, selected: window.viewer.selection.length };
  });
}

const browser = await launch();
for (const count of process.argv.slice(2).map(Number)) console.log(JSON.stringify(await measure(browser, count)));
await browser.close();
