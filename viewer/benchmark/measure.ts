/**
 * The viewer in headless Chromium, drawn in software: one line of JSON a size.
 *
 *     npx jiti benchmark/measure.ts 2800 100000 1000000
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { CDPSession, Page } from "playwright-core";
import { launch } from "../tests/browser";
import { makeScene, type MadeScene } from "../tests/scenes";
import { serve, singlePage } from "../tests/serve";
import type { Viewer } from "../src/viewer";

declare global {
  interface Window {
    viewer: Viewer;
    send: (type: string, angle: number) => void;
  }
}

/** Up to so many points, the scene is one HTML file with thumbnails; above, it is served. */
const ONE_FILE = 5000;
const FRAMES = 40;

async function measure(count: number) {
  const single = count <= ONE_FILE;
  const made = makeScene({ count, classes: 10, thumbnails: single, neighbours: single });
  const { address, close, bytes } = single ? file(made) : await served(made);
  const browser = await launch(); // a new one: nothing is warm
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
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
    const heap = await heapOf(session);
    const start = await processorTime(session);
    const frames = await turn(page);
    const turned = await processorTime(session);
    await prepareLasso(page);
    const drawn = await processorTime(session);
    const lasso = await endLasso(page);
    const selected = await processorTime(session);
    return {
      count,
      points,
      one_file: single,
      megabytes: bytes / 1e6,
      load_ms: load,
      heap_mb: heap,
      ...frames,
      main_thread_ms: (turned - start) / FRAMES,
      ...lasso,
      lasso_processor_ms: selected - drawn,
    };
  } finally {
    await browser.close();
    close();
  }
}

function file(made: MadeScene) {
  const folder = mkdtempSync(join(tmpdir(), "viewer-"));
  const html = singlePage(made);
  writeFileSync(join(folder, "report.html"), html);
  return {
    address: pathToFileURL(join(folder, "report.html")).href,
    bytes: html.length,
    close: () => rmSync(folder, { recursive: true }),
  };
}

async function served(made: MadeScene) {
  const { address, close } = await serve(made);
  return { address, close, bytes: [...made.blobs.values()].reduce((sum, blob) => sum + blob.length, 0) };
}

/** Megabytes of objects and of arrays. */
async function heapOf(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  const usage = (await session.send("Runtime.getHeapUsage")) as {
    usedSize: number;
    backingStorageSize?: number;
  };
  return (usage.usedSize + (usage.backingStorageSize ?? 0)) / 1e6;
}

/** Milliseconds of processor time that the page's main thread has taken: other processes do not count. */
async function processorTime(session: CDPSession): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN) * 1000;
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

/** Draw a lasso of 200 places, up to the lifting of the pointer. */
function prepareLasso(page: Page): Promise<void> {
  return page.evaluate(async () => {
    window.viewer.set({ tool: "lasso" });
    const root = document.querySelector("[data-embedlens], #viewer")!.shadowRoot!;
    const overlay = root.querySelector<HTMLElement>(".overlay")!;
    overlay.setPointerCapture = () => undefined; // a pointer that is not there cannot be captured
    const { left, top, width, height } = overlay.getBoundingClientRect();
    window.send = (type, angle) => {
      const clientX = left + width * (0.5 + 0.3 * Math.cos(angle) + 0.03 * Math.cos(9 * angle));
      const clientY = top + height * (0.5 + 0.4 * Math.sin(angle));
      overlay.dispatchEvent(new PointerEvent(type, { pointerId: 7, clientX, clientY }));
    };
    window.send("pointerdown", 0);
    for (let k = 1; k < 200; k++) window.send("pointermove", (k / 200) * 2 * Math.PI);
    await new Promise((done) => setTimeout(done, 500));
  });
}

/** Lift the pointer: until the points are selected, counted and listed. */
function endLasso(page: Page): Promise<{ lasso_ms: number; selected: number }> {
  return page.evaluate(() => {
    const before = performance.now();
    window.send("pointerup", 2 * Math.PI);
    return { lasso_ms: performance.now() - before, selected: window.viewer.state!.selection.length };
  });
}

for (const count of process.argv.slice(2).map(Number)) console.log(JSON.stringify(await measure(count)));
