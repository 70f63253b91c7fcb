/** A picture dropped on the page, and labels for a selection: what a server is there for. */

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { DecisionLists } from "../../src/decisions";
import type { Finding } from "../../src/findings";
import { launch } from "../browser";
import { makeScene } from "../scenes";
import { serve, type Served } from "../serve";
import { open } from "./page";

const findings: Finding[] = [
  { kind: "two labels", picture: 3, other: 9, reason: "alike", action: "give one label" },
  { kind: "suspect label", picture: 12, suggested: "lion", reason: "labelled otherwise" },
  { kind: "suspect label", picture: 40, suggested: "cat", reason: "labelled otherwise" },
];
const made = makeScene({ count: 200, findings });
const nothing = { kept: [], labelled: {}, aside: [], undecided: [] };
const LIKE = 7;
const scene = { ...made.scene, drops: ["Xception"], decisions: nothing };

/** The server puts the picture where picture 7 lies on each of Xception's maps but the last. */
function tell(address: URL): unknown {
  const backbone = address.searchParams.get("backbone");
  const own = scene.maps.filter((map) => map.backbone === backbone).slice(0, -1);
  const places = own.map((map) => {
    const blob = made.blobs.get(map.blob)!;
    const values = new Float32Array(blob.buffer, blob.byteOffset, scene.count * map.dimensions);
    return [map.id, [...values.slice(LIKE * map.dimensions, (LIKE + 1) * map.dimensions)]];
  });
  return {
    answers: [
      ["predicted", "cat (87.5%)"],
      ["by a classifier on", "Xception"],
    ],
    warning: "It is unlike all classes.",
    places: Object.fromEntries(places) as unknown,
    indices: [LIKE, 3],
    distances: [0.5, 1.25],
  };
}

let browser: Browser;
let server: Served;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  browser = await launch();
  server = await serve({ ...made, scene }, tell);
});
afterAll(async () => {
  await browser.close();
  server.close();
});
beforeEach(async () => {
  ({ page, complaints } = await open(browser, server.address));
});
afterEach(async () => {
  await page.context().close();
  expect(complaints).toEqual([]);
});

async function drop(): Promise<void> {
  await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 60, height: 40 });
    const context = canvas.getContext("2d")!;
    context.fillStyle = "#d02020";
    context.fillRect(0, 0, 60, 40);
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done));
    const transfer = new DataTransfer();
    transfer.items.add(new File([blob!], "mine.png", { type: "image/png" }));
    const viewer = document.querySelector("[data-embedlens]")!.shadowRoot!.querySelector(".viewer")!;
    const event = (name: string) =>
      new DragEvent(name, { dataTransfer: transfer, bubbles: true, cancelable: true, composed: true });
    viewer.dispatchEvent(event("dragover"));
    viewer.dispatchEvent(event("drop"));
  });
  await page.locator(".picture .neighbours .tile").first().waitFor();
}

const guest = () =>
  page.evaluate((like) => {
    const { guest, points } = window.viewer.inspect().panes[0];
    return { at: guest && [...guest], like: [...points.slice(3 * like, 3 * like + 3)] };
  }, LIKE);

test("a dropped picture lies where the server says, on every map that can place it", async () => {
  const ids = await page.evaluate(() => window.viewer.state!.maps);
  expect(ids).toEqual([scene.maps[0].id]);
  await drop();
  for (const map of scene.maps.filter(({ backbone }) => backbone === "Xception").slice(0, -1)) {
    await page.evaluate((id) => window.viewer.set({ maps: [id] }), map.id);
    await page.waitForFunction(() => !window.viewer.inspect().moving);
    await expect.poll(async () => (await guest()).at).not.toBeNull();
    const { at, like } = await guest();
    like.forEach((value, axis) => expect(at![axis]).toBeCloseTo(value, 4));
  }
  expect(server.requests.filter((path) => path === "/drop")).toHaveLength(1);
  await expect.poll(() => page.locator(".picture .facts-list").textContent()).toContain("cat (87.5%)");
  await expect.poll(() => page.locator(".picture .wrong").textContent()).toContain("unlike all classes");
  const last = scene.maps.filter(({ backbone }) => backbone === "Xception").at(-1)!;
  await page.evaluate((id) => window.viewer.set({ maps: [id] }), last.id);
  await page.getByText("This map cannot place it").waitFor();
});

test("a map of another backbone says why it cannot tell; taken away, the picture is gone", async () => {
  await drop();
  const other = scene.maps.find(({ backbone }) => backbone === "MobileNetV2")!;
  await page.evaluate((id) => window.viewer.set({ maps: [id] }), other.id);
  await page.getByText("No picture can be placed on this map").waitFor();
  await page.getByRole("button", { name: "Take away" }).click();
  await expect.poll(() => page.evaluate(() => window.viewer.state!.guest)).toBeNull();
  await expect.poll(async () => (await guest()).at).toBeNull();
});

test("a selection gets a label, is dropped, and gets its own back", async () => {
  await page.evaluate(() => window.viewer.set({ selection: Uint32Array.of(2, 5), panel: "selection" }));
  const name = page.getByLabel("Label of the selection");
  await name.fill(" new class ");
  await page.getByRole("button", { name: "Label", exact: true }).click();
  const told = page.locator(".gallery [role=status]");
  await expect.poll(() => told.textContent()).toContain("0 kept, 2 with another label, 0 dropped");
  await expect.poll(() => told.textContent()).toContain('embedlens study "/study/labels.csv"');
  await page.getByRole("button", { name: /Drop the selection/ }).click();
  await expect.poll(() => server.decided.length).toBe(2);
  await page.getByRole("button", { name: /As it was/ }).click();
  await expect.poll(() => server.decided.length).toBe(3);
  expect(server.decided).toEqual([
    { ...nothing, labelled: { "new class": [2, 5] } },
    { ...nothing, aside: [2, 5] },
    { ...nothing, undecided: [2, 5] },
  ]);
});

test("findings are decided one after another, by keys and buttons, undone, and listed by kind", async () => {
  const before = server.decided.length;
  const done = page.locator(".findings h3");
  const row = page.locator(".finding-row");
  await page.keyboard.press("e");
  await expect.poll(() => done.textContent()).toBe("0 of 3 decided");
  await page.getByRole("button", { name: "Colour the points by what was found" }).click();
  await expect
    .poll(() => page.locator(".category").allTextContents())
    .toEqual(["two labels2", "suspect label2", "nothing found196"]);
  await page.keyboard.press("4"); // drop the other of the pair
  await page.keyboard.press("2"); // move to what is proposed
  await page.keyboard.press("1"); // keep
  await expect.poll(() => done.textContent()).toBe("3 of 3 decided");
  await expect.poll(() => row.locator(".count").allTextContents()).toEqual(["dropped", "→ lion", "kept"]);
  await expect.poll(() => page.evaluate(() => "path" in (window.viewer.state!.written ?? {}))).toBe(true);
  const sent = () => {
    const lists = server.decided.slice(before);
    const all = (of: (list: DecisionLists) => number[]) => lists.flatMap(of).sort((a, b) => a - b);
    return {
      aside: all(({ aside }) => aside),
      lion: all(({ labelled }) => labelled.lion ?? []),
      kept: all(({ kept }) => kept),
      undecided: all(({ undecided }) => undecided),
    };
  };
  await expect.poll(sent).toEqual({ aside: [9], lion: [12], kept: [40], undecided: [] });
  await page.keyboard.press("Control+z");
  await page.keyboard.press("Control+z");
  await expect.poll(() => done.textContent()).toBe("1 of 3 decided");
  await expect.poll(() => sent().undecided).toEqual([12, 40]);
  await row.nth(0).click();
  await page.getByRole("button", { name: "Keep both" }).click();
  await expect.poll(() => sent().kept).toEqual([3, 9, 40]);
  await page.getByLabel("Kind of findings").selectOption("suspect label");
  await expect.poll(() => page.locator(".finding-row").count()).toBe(2);
  await page.getByText("Files that are no picture: 2").waitFor();
});

test("where the server is stopped, what is drawn keeps its name, and what to do is said", async () => {
  const map = () => page.getByLabel("Map", { exact: true }).inputValue();
  const colour = () => page.getByLabel("Colour by", { exact: true }).inputValue();
  const toast = page.locator(".toast");
  const [first, hue] = [await map(), await colour()];
  const other = scene.maps.filter(({ id }) => id !== first).at(-1)!;
  const column = scene.columns.filter(({ id }) => id !== hue).at(-1)!;
  await page.context().setOffline(true);
  await page.getByLabel("Map", { exact: true }).selectOption(other.id);
  await expect.poll(() => toast.textContent()).toMatch(/^The map .*start embedlens view again/);
  await expect.poll(map).toBe(first);
  await page.getByLabel("Colour by", { exact: true }).selectOption(column.id);
  await expect.poll(() => toast.textContent()).toMatch(/^The column .*start embedlens view again/);
  await expect.poll(colour).toBe(hue);
  for (const panel of ["silhouettes", "confusion"] as const) {
    await page.evaluate((panel) => window.viewer.set({ panel }), panel);
    const open = page.locator(`.${panel === "silhouettes" ? "knife" : panel}`);
    const others = await open
      .locator("option")
      .evaluateAll((all) => all.map((each) => (each as HTMLOptionElement).value));
    await open.locator("select").selectOption(others.at(-1)!);
    await expect.poll(() => open.textContent()).toContain("start embedlens view again");
    await expect.poll(() => open.locator("canvas, table").locator("visible=true").count()).toBe(0);
  }
  await page.context().setOffline(false);
  await page.getByLabel("Map", { exact: true }).selectOption(other.id);
  await expect.poll(() => page.evaluate(() => window.viewer.state!.maps)).toEqual([other.id]);
  complaints = complaints.filter((each) => !each.includes("failed") && !each.includes("Failed"));
});

test("what could not be written is said", async () => {
  await page.evaluate(() => window.viewer.set({ selection: Uint32Array.of(2), panel: "selection" }));
  await page.getByLabel("Label of the selection").fill("refused");
  await page.keyboard.press("Enter");
  const told = page.locator(".gallery [role=status]");
  await expect.poll(() => told.textContent()).toContain("Not written: no table can point into it");
  complaints = complaints.filter((each) => !each.includes("400"));
});
