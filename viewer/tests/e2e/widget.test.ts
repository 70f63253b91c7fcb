import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WidgetModel } from "../../src/widget";
import { launch } from "../browser";
import { makeScene } from "../scenes";
import { serve, type Served } from "../serve";

const made = makeScene({ count: 100 });
let browser: Browser;
let server: Served;

beforeAll(async () => {
  browser = await launch();
  server = await serve(made);
});
afterAll(async () => {
  await browser.close();
  server.close();
});

declare global {
  interface Window {
    model: WidgetModel & { values: Record<string, unknown>; saved: number };
    widget: { render(context: { model: WidgetModel; el: HTMLElement }): () => void };
    clean: () => void;
  }
}

test("the notebook's selection goes both ways", async () => {
  const page = await browser.newPage({ viewport: { width: 900, height: 700 } });
  await page.goto(`${server.address}viewer.js`);
  const blobs = Object.fromEntries(
    [...made.blobs].map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]),
  );
  // As text: the test's own tools would rewrite an import.
  await page.evaluate(
    `import("${server.address}viewer.js").then((module) => (window.widget = module.default))`,
  );
  await page.evaluate(
    ({ scene, blobs }) => {
      const listeners: Record<string, () => void> = {};
      // A byte before the data: a notebook's views need not begin where their buffer does.
      const views = Object.entries(blobs).map(([name, text]) => {
        const bytes = Uint8Array.from("x" + atob(text), (letter) => letter.charCodeAt(0));
        return [name, new DataView(bytes.buffer, 1)];
      });
      const values: Record<string, unknown> = {
        scene,
        blobs: Object.fromEntries(views),
        selection: [4, 7],
        height: 480,
      };
      window.model = {
        values,
        saved: 0,
        get: (name) => values[name],
        set: (name, value) => {
          values[name] = value;
        },
        save_changes: () => void window.model.saved++,
        on: (event, listener) => {
          listeners[event] = listener;
        },
        off: () => undefined,
      };
      Object.assign(window, { listeners });
      document.body.replaceChildren();
      window.clean = window.widget.render({ model: window.model, el: document.body });
    },
    { scene: made.scene, blobs },
  );
  const button = page.getByRole("button", { name: /^Selection/ });
  await page.getByRole("button", { name: "Selection 2" }).waitFor();
  await expect.poll(() => page.evaluate(() => window.model.saved)).toBe(0);
  await button.click();
  await page.locator(".category").first().click();
  await page.getByRole("button", { name: "Select the pictures shown" }).click();
  await page.waitForFunction(() => window.model.saved === 1);
  const classes = new Uint16Array(made.blobs.get("class")!.buffer);
  await expect
    .poll(() => page.evaluate(() => window.model.values.selection))
    .toEqual([...classes.keys()].filter((i) => classes[i] === 0));
  await page.evaluate(() => {
    window.model.values.selection = [1, 2, 3, 999];
    (window as unknown as { listeners: Record<string, () => void> }).listeners["change:selection"]();
  });
  await page.getByRole("button", { name: "Selection 3" }).waitFor();
  await expect.poll(() => page.evaluate(() => location.hash)).toBe("");
  await page.evaluate(() => window.clean());
  await expect.poll(() => page.locator(".viewer").count()).toBe(0);
  await page.close();
});
