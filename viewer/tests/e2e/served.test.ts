import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launch } from "../browser";
import { colourOf, makeScene } from "../scenes";
import { serve, type Served } from "../serve";
import { audit, drag, lonelyPicture, open, placeOf, placesOf, selection } from "./page";

const made = makeScene({ count: 600 });
const classes = new Uint16Array(made.blobs.get("class")!.buffer);
const names = made.scene.classes;

let browser: Browser;
let server: Served;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  browser = await launch();
  server = await serve(made);
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

const category = (name: string) => page.locator(".category", { hasText: name });
const settle = () =>
  page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

describe("the map", () => {
  test("draws every point, and no frame while nothing changes", async () => {
    const before = await page.evaluate(() => window.viewer.statistics);
    expect(before.points).toBe(600);
    await page.waitForTimeout(400);
    const frames = await page.evaluate(() => window.viewer.statistics.frames);
    await page.waitForTimeout(600);
    await expect.poll(() => page.evaluate(() => window.viewer.statistics.frames)).toBe(frames);
  });

  test("turns by dragging, moves by Shift and dragging, comes nearer by the wheel", async () => {
    const camera = () => page.evaluate(() => window.viewer.state!.camera);
    const first = await camera();
    await drag(page, [
      [500, 400],
      [550, 420],
      [600, 440],
    ]);
    const turned = await camera();
    expect(turned.azimuth).not.toBe(first.azimuth);
    expect(turned.target).toEqual(first.target);
    await page.keyboard.down("Shift");
    await drag(page, [
      [600, 400],
      [650, 420],
    ]);
    await page.keyboard.up("Shift");
    expect((await camera()).target).not.toEqual(first.target);
    await page.mouse.wheel(0, -300);
    await settle();
    expect((await camera()).span).toBeLessThan(first.span);
  });

  test("a point under the pointer shows its own picture, file and class", async () => {
    const i = await lonelyPicture(page);
    const [x, y] = await placeOf(page, i);
    await page.mouse.move(x + 3, y + 2);
    const card = page.locator(".hovercard");
    await card.waitFor();
    await expect
      .poll(() => card.textContent())
      .toContain(`${names[classes[i]]}_${String(i).padStart(6, "0")}.jpg`);
    await page.waitForTimeout(200);
    const pixel = await card
      .locator("canvas")
      .evaluate((canvas: HTMLCanvasElement) => [
        ...canvas.getContext("2d")!.getImageData(40, 40, 1, 1).data.slice(0, 3),
      ]);
    expect(pixel).toEqual(colourOf(i));
  });

  test("right after filtering, the filtered point is not picked and the others are", async () => {
    const i = await lonelyPicture(page);
    const other = names[(classes[i] + 1) % names.length];
    await category(other).click();
    const [x, y] = await placeOf(page, i);
    await page.mouse.move(x, y);
    await page.waitForTimeout(250);
    await expect.poll(() => page.evaluate(() => window.viewer.state!.hover)).not.toBe(i);
    const j = await lonelyPicture(page);
    expect(names[classes[j]]).toBe(other);
    await page.mouse.move(...(await placeOf(page, j)));
    await page.waitForFunction((j) => window.viewer.state!.hover === j, j);
  });

  test("a click opens the picture with its neighbours in the full feature space", async () => {
    const i = await lonelyPicture(page);
    await page.mouse.click(...(await placeOf(page, i)));
    await page.locator(".neighbours .tile").first().waitFor();
    const wanted = [...new Uint32Array(made.blobs.get("neighbours-indices")!.buffer)].slice(i * 8, i * 8 + 8);
    const labels = await page
      .locator(".neighbours .tile")
      .evaluateAll((tiles) => tiles.map((tile) => tile.getAttribute("title") ?? ""));
    expect(labels.map((label) => Number(/_(\d+)/.exec(label)?.[1]))).toEqual(wanted);
  });

  test("filtered points stay, in grey", async () => {
    await category(names[2]).click();
    await settle();
    expect((await page.evaluate(() => window.viewer.statistics)).points).toBe(600);
    const shown = await page.evaluate(() => [...window.viewer.state!.shown]);
    expect(shown).toEqual([...classes].map((code) => (code === 2 ? 1 : 0)));
    await category(names[2]).click();
    await expect
      .poll(() => page.evaluate(() => window.viewer.state!.shown.every((byte) => byte === 1)))
      .toBe(true);
  });
});

describe("selecting", () => {
  /** What a lasso must hold, from the points' places on the page and the line alone. */
  async function inside(line: [number, number][]): Promise<number[]> {
    const shown = await page.evaluate(() => [...window.viewer.state!.shown]);
    const found: number[] = [];
    const places = await placesOf(page);
    for (let i = 0; i < 600; i++) {
      const [x, y] = places[i];
      let odd = false;
      line.forEach(([x1, y1], k) => {
        const [x2, y2] = line[(k + 1) % line.length];
        if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) odd = !odd;
      });
      if (odd && shown[i]) found.push(i);
    }
    return found;
  }

  test("the lasso takes exactly the shown points inside", async () => {
    await category(names[1]).click();
    await category(names[4]).click({ modifiers: ["Shift"] });
    await page.keyboard.press("l");
    const line = Array.from({ length: 24 }, (_, k): [number, number] => [
      610 + (k % 2 ? 150 : 260) * Math.cos(k / 3.82),
      420 + 220 * Math.sin(k / 3.82),
    ]);
    const wanted = await inside(line);
    await drag(page, line);
    expect(wanted.length).toBeGreaterThan(10);
    await expect.poll(() => selection(page)).toEqual(wanted);
    await expect
      .poll(() => page.locator(".selection-head h3").textContent())
      .toContain(`${wanted.length} pictures`);
  });

  test("the box takes its points, Shift adds and Alt takes away", async () => {
    await page.keyboard.press("g"); // the panel is open before: the points will not move
    await page.keyboard.press("b");
    await settle();
    const [a, b] = [
      [
        [310, 180],
        [450, 500],
      ],
      [
        [400, 250],
        [600, 560],
      ],
    ] as [number, number][][];
    const corners = ([[x1, y1], [x2, y2]]: [number, number][]): [number, number][] => [
      [x1, y1],
      [x2, y1],
      [x2, y2],
      [x1, y2],
    ];
    const [inA, inB] = [await inside(corners(a)), await inside(corners(b))];
    expect(Math.min(inA.length, inB.length)).toBeGreaterThan(5);
    await drag(page, a);
    await expect.poll(() => selection(page)).toEqual(inA);
    await page.keyboard.down("Shift");
    await drag(page, b);
    await page.keyboard.up("Shift");
    await expect.poll(() => selection(page)).toEqual([...new Set([...inA, ...inB])].sort((p, q) => p - q));
    await page.keyboard.down("Alt");
    await drag(page, a);
    await page.keyboard.up("Alt");
    await expect.poll(() => selection(page)).toEqual(inB.filter((i) => !inA.includes(i)));
  });

  test("saves the selection as CSV and JSON", async () => {
    await page.evaluate(() => window.viewer.select([3, 5, 8]));
    await page.keyboard.press("g");
    for (const kind of ["CSV", "JSON"]) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: `Save the selection as ${kind}` }).click(),
      ]);
      const text = readFileSync(await download.path(), "utf8");
      expect(download.suggestedFilename()).toBe(`made-up-animals-selection.${kind.toLowerCase()}`);
      const paths = [3, 5, 8].map((i) => `${names[classes[i]]}/${names[classes[i]]}_00000${i}.jpg`);
      if (kind === "JSON")
        expect((JSON.parse(text) as { path: string }[]).map(({ path }) => path)).toEqual(paths);
      else
        expect(
          text
            .trim()
            .split("\r\n")
            .slice(1)
            .map((row) => row.split(",")[1]),
        ).toEqual(paths);
    }
  });

  test("a cell of the confusion matrix selects its pictures", async () => {
    await page.keyboard.press("x");
    const predicted = new Uint16Array(made.blobs.get("predicted-Xception")!.buffer);
    const wanted = [...classes.keys()].filter((i) => classes[i] === 0 && predicted[i] === 1);
    await page
      .getByRole("button", { name: `${wanted.length} pictures of ${names[0]} predicted as ${names[1]}` })
      .click();
    await expect.poll(() => selection(page)).toEqual(wanted);
  });

  test("brushing the silhouette plot selects the points of its bars", async () => {
    await page.keyboard.press("k");
    const label = page.locator(".blade").first();
    await label.waitFor();
    const values = new Float32Array(made.blobs.get("silhouette-Xception-pca")!.buffer);
    const members = [...classes.keys()].filter((i) => classes[i] === 0).sort((a, b) => values[b] - values[a]);
    const canvas = (await page.locator(".knife-plot canvas").boundingBox())!;
    await drag(page, [
      [canvas.x + 200, canvas.y + 1],
      [canvas.x + 200, canvas.y + 10],
    ]);
    const chosen = await selection(page);
    expect(chosen.length).toBeGreaterThan(2);
    const ranks = chosen.map((i) => members.indexOf(i)).sort((a, b) => a - b);
    expect(ranks).toEqual(ranks.map((_, k) => ranks[0] + k));
    expect(ranks[0]).toBeLessThan(3);
    await label.click();
    await expect.poll(() => selection(page)).toEqual([...members].sort((a, b) => a - b));
  });

  test("search finds classes and files", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("LION_0000");
    await page.locator(".result").first().waitFor();
    await page.keyboard.press("Enter");
    const wanted = [...classes.keys()].filter((i) => names[classes[i]] === "lion" && i < 100);
    await expect.poll(() => selection(page)).toEqual(wanted);
  });

  test("search takes conditions on columns, and says what is wrong with them", async () => {
    const splits = new Uint16Array(made.blobs.get("split")!.slice().buffer);
    await page.keyboard.press("/");
    await page.keyboard.type("class:lion -split:train");
    await page.locator(".result", { hasText: "Select class:lion" }).waitFor();
    await page.keyboard.press("Enter");
    const wanted = [...classes.keys()].filter((i) => names[classes[i]] === "lion" && splits[i] > 0);
    await expect.poll(() => selection(page)).toEqual(wanted);
    await page.keyboard.press("/");
    await page.keyboard.type("class:gnu");
    await page.getByText("No class is called “gnu”").waitFor();
    await page.keyboard.press("Escape");
  });

  test("undo gives the selection before, by key and by button", async () => {
    const before = await selection(page);
    await page.evaluate(() => window.viewer.set({ selection: Uint32Array.of(1, 2, 3) }));
    await page.keyboard.press("Control+z");
    await expect.poll(() => selection(page)).toEqual(before);
    await page.keyboard.press("Control+Shift+z");
    await expect.poll(() => selection(page)).toEqual([1, 2, 3]);
    await page.getByRole("button", { name: "Undo the last choice" }).click();
    await expect.poll(() => selection(page)).toEqual(before);
  });

  test("a tour shows the parts of the page one after another", async () => {
    await page.keyboard.press("?");
    await page.getByRole("button", { name: "Show me round" }).click();
    const titles: string[] = [];
    for (let step = 1; step <= 5; step++) {
      await page.getByText(`${step} of 5`).waitFor();
      titles.push((await page.locator("#tour-title").textContent())!);
      const card = (await page.locator(".tour").boundingBox())!;
      expect(card.x).toBeGreaterThanOrEqual(0);
      expect(card.x + card.width).toBeLessThanOrEqual(1000);
      expect(card.y + card.height).toBeLessThanOrEqual(680);
      await page.keyboard.press("Enter");
    }
    expect(new Set(titles).size).toBe(5);
    await expect.poll(() => page.locator(".tour").isVisible()).toBe(false);
  });
});

describe("maps", () => {
  test("two panes share camera, selection and pointer", async () => {
    await page.keyboard.press("c");
    await page.waitForFunction(() => window.viewer.inspect().panes.length === 2);
    await settle();
    expect((await page.evaluate(() => window.viewer.statistics)).points).toBe(1200);
    const i = await lonelyPicture(page, 1);
    await page.mouse.move(...(await placeOf(page, i, 1)));
    await page.waitForFunction((i) => window.viewer.state!.hover === i, i);
    const before = await placeOf(page, i, 0);
    const beforeRight = await placeOf(page, i, 1);
    await drag(page, [
      [700, 400],
      [760, 400],
    ]);
    await expect.poll(() => placeOf(page, i, 0)).not.toEqual(before);
    await expect.poll(() => placeOf(page, i, 1)).not.toEqual(beforeRight);
    await page.keyboard.press("b");
    await drag(page, [
      [590, 110],
      [900, 640],
    ]);
    expect((await selection(page)).length).toBeGreaterThan(50);
  });

  test("any map can be shown, and one of two dimensions is shown flat", async () => {
    for (const map of made.scene.maps) {
      await page.getByLabel("Map", { exact: true }).selectOption(map.id);
      await page.waitForFunction((id) => window.viewer.state!.maps[0] === id, map.id);
      await settle();
      await expect.poll(() => page.evaluate(() => window.viewer.inspect().moving)).toBe(false);
    }
    await page.getByLabel("Map", { exact: true }).selectOption("Xception/pretrained/flat");
    await page.waitForFunction(() => window.viewer.state!.flat);
  });

  test("a map glides to the next one", async () => {
    await page.emulateMedia({ reducedMotion: "no-preference" });
    await page.keyboard.press("]");
    await page.waitForFunction(() => window.viewer.inspect().moving);
    await page.waitForFunction(() => !window.viewer.inspect().moving);
    await expect.poll(() => page.evaluate(() => window.viewer.state!.maps[0])).toBe(made.scene.maps[1].id);
  });

  test("the address brings a view back", async () => {
    await page.getByLabel("Colour by").selectOption("Xception sure");
    await page.keyboard.press("d");
    await page.evaluate(() => window.viewer.select([1, 2, 3]));
    await page.waitForFunction(() => location.hash.includes("selected="));
    const read = (from: Page) =>
      from.evaluate(() => {
        const { maps, colour, selection, flat, camera } = window.viewer.state!;
        return {
          maps,
          colour,
          selection: [...selection],
          flat,
          span: camera.span.toPrecision(5),
          target: camera.target.map((value) => value.toPrecision(5)),
        };
      });
    const again = await open(browser, page.url());
    await expect.poll(() => read(again.page)).toEqual(await read(page));
    await again.page.context().close();
  });

  test("pictures stand for points", async () => {
    await page.keyboard.press("i");
    await page.waitForFunction(() => window.viewer.state!.pictures);
    await page.waitForFunction(() => (window.viewer.inspect().panes[0].pictures.length as number) > 10);
    const drawn = () =>
      page.evaluate(() => {
        const { screen, pictures } = window.viewer.inspect().panes[0];
        const overlay = document.querySelector("[data-embedlens]")!.shadowRoot!.querySelector(".overlay")!;
        const copy = new OffscreenCanvas(1000, 680).getContext("2d", { willReadFrequently: true })!;
        copy.drawImage(overlay as HTMLCanvasElement, 0, 0);
        return pictures.map((i) => {
          const [x, y] = [Math.round(screen.x[i]), Math.round(screen.y[i])];
          return { i, colour: [...copy.getImageData(x, y, 1, 1).data.slice(0, 3)] };
        });
      });
    await expect
      .poll(async () => (await drawn()).filter(({ i, colour }) => `${colour}` !== `${colourOf(i)}`), {
        timeout: 60_000,
      })
      .toEqual([]);
  });

  test("saves a PNG", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("s")]);
    const bytes = readFileSync(await download.path());
    expect(bytes.subarray(1, 4).toString()).toBe("PNG");
    expect(bytes.length).toBeGreaterThan(10_000);
  });
});

describe("accessibility", () => {
  test.each(["light", "dark"] as const)(
    "axe finds nothing serious in any panel (%s)",
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      expect(await audit(page)).toEqual([]);
      await page.evaluate(() => window.viewer.select([1, 2, 3]));
      for (const key of ["g", "k", "x"]) {
        await page.keyboard.press(key);
        await page.waitForTimeout(150);
        expect(await audit(page)).toEqual([]);
      }
      await page.evaluate(() => window.viewer.set({ opened: 5, panel: "picture", colour: "Xception sure" }));
      await page.waitForTimeout(150);
      expect(await audit(page)).toEqual([]);
    },
  );

  test("every action has a path by keyboard alone", async () => {
    await page.locator(".canvases").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("+");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => window.viewer.state!.opened !== null);
    await page.keyboard.press("Escape");
    await expect.poll(() => page.evaluate(() => window.viewer.state!.opened)).toBeNull();
    await category(names[0]).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Select the pictures shown" }).focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => selection(page)).toEqual([...classes.keys()].filter((i) => classes[i] === 0));
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  });
});
