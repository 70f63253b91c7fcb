import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "../browser";
import { makeScene } from "../scenes";
import { singlePage } from "../serve";
import { lonelyPicture, open, placeOf } from "./page";

const folder = mkdtempSync(join(tmpdir(), "viewer-"));
let browser: Browser;

beforeAll(async () => (browser = await launch()));
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

function write(made: ReturnType<typeof makeScene>): string {
  const file = join(folder, `report-${made.scene.count}.html`);
  writeFileSync(file, singlePage(made));
  return pathToFileURL(file).href;
}

test("2,800 points with thumbnails open from one file without a network", async () => {
  const findings = [{ kind: "suspect label", picture: 5, suggested: "lion", reason: "labelled otherwise" }];
  const { page, complaints } = await open(browser, write(makeScene({ count: 2800, findings })), true);
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  expect((await page.evaluate(() => window.viewer.statistics)).points).toBe(2800);
  const i = await lonelyPicture(page);
  await page.mouse.click(...(await placeOf(page, i)));
  await page.locator(".neighbours .tile").first().waitFor();
  await expect.poll(() => page.evaluate(() => window.viewer.state!.opened)).toBe(i);
  await page.keyboard.press("e");
  await page.locator(".finding").getByText("→ lion?").waitFor();
  await page.keyboard.press("2");
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save the cleaned table" }).click(),
  ]);
  const lines = readFileSync(await saved.path(), "utf8").split("\r\n");
  expect(lines[0]).toBe("path,label,was,viewer");
  expect(lines[6]).toMatch(/^\.\.\/pictures\/5\.jpg,lion,\w+,labelled$/);
  expect(requests.filter((url) => !url.startsWith("data:") && !url.startsWith("blob:"))).toEqual([]);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("in a page that scrolls, the wheel is the page's until the viewer is used", async () => {
  const { page } = await open(browser, write(makeScene({ count: 200 })), true);
  const span = () => page.evaluate(() => window.viewer.state!.camera.span);
  const first = await span();
  await page.mouse.move(600, 400);
  await page.mouse.wheel(0, 200);
  await page.waitForFunction(() => scrollY > 0);
  await expect.poll(() => span()).toBe(first);
  await page.evaluate(() => scrollTo(0, 0));
  await page.mouse.click(840, 520);
  await page.mouse.wheel(0, 200);
  await page.waitForFunction((before) => window.viewer.state!.camera.span > before, first);
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(0);
  await page.context().close();
});

test("names from files are text, whatever they say", async () => {
  const made = makeScene({ count: 300 });
  const evil = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>&amp;";
  made.scene.classes[0] = evil;
  made.scene.title = evil;
  made.scene.maps[0].name = evil;
  made.scene.maps[0].facts = evil;
  made.scene.columns[0].name = evil;
  const { page, complaints } = await open(browser, write(made), true);
  for (const key of ["k", "x", "g"]) await page.keyboard.press(key);
  await page.evaluate(() => window.viewer.select([1, 2, 3, 4, 5, 6, 7, 8, 9]));
  await page.evaluate(() => window.viewer.set({ opened: 1, panel: "picture" }));
  await page.waitForTimeout(200);
  await expect.poll(() => page.evaluate(() => (window as { hacked?: number }).hacked)).toBeUndefined();
  await expect.poll(() => page.locator(".title").textContent()).toBe(evil);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("300 classes have a legend, and one picture is a scene too", async () => {
  const many = await open(
    browser,
    write(makeScene({ count: 900, classes: 300, thumbnails: false, neighbours: false })),
    true,
  );
  await expect.poll(() => many.page.locator(".category").count()).toBe(300);
  await many.page.evaluate(() => window.viewer.set({ panel: "confusion" }));
  await many.page.locator(".mistake").first().click();
  expect((await many.page.evaluate(() => window.viewer.selection)).length).toBeGreaterThan(0);
  expect(many.complaints).toEqual([]);
  await many.page.context().close();
  const one = await open(browser, write(makeScene({ count: 1, thumbnails: true, neighbours: false })), true);
  expect((await one.page.evaluate(() => window.viewer.statistics)).points).toBe(1);
  expect(one.complaints).toEqual([]);
  await one.page.context().close();
});

test("a scene that cannot be read is said to be so", async () => {
  const file = join(folder, "broken.html");
  const made = makeScene({ count: 20, thumbnails: false, neighbours: false });
  made.blobs.delete(made.scene.maps[0].blob);
  writeFileSync(file, singlePage(made));
  const context = await browser.newContext({ offline: true });
  const page = await context.newPage();
  await page.goto(pathToFileURL(file).href);
  await page.getByRole("alert").waitFor();
  await expect.poll(() => page.getByRole("alert").textContent()).toContain('no data "map-Xception-pca"');
  await context.close();
});
