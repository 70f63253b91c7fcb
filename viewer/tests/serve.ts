/** A scene on a server and in one HTML file, as the Python side gives them. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { DecisionLists } from "../src/decisions";
import type { MadeScene } from "./scenes";

const STATIC = new URL("../../src/embedlens/viewer/static/", import.meta.url);

export interface Served {
  address: string;
  requests: string[];
  /** What was asked to be decided. */
  decided: DecisionLists[];
  close(): void;
}

export async function serve(
  { scene, blobs }: MadeScene,
  tell: (address: URL) => unknown = () => ({}),
): Promise<Served> {
  const requests: string[] = [];
  const decided: DecisionLists[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    requests.push(path);
    const send = (type: string, body: string | Uint8Array) => {
      // As strict as a server may be: nothing inline, nothing from elsewhere.
      response.setHeader(
        "Content-Security-Policy",
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self'",
      );
      response.setHeader("Content-Type", type);
      response.end(body);
    };
    if (path === "/") send("text/html", readFileSync(new URL("index.html", STATIC)));
    else if (path === "/viewer.js") send("text/javascript", readFileSync(new URL("viewer.js", STATIC)));
    else if (path === "/scene.json") send("application/json", JSON.stringify(scene));
    else if (path.startsWith("/data/") && blobs.has(path.slice(6)))
      send("application/octet-stream", blobs.get(path.slice(6))!);
    else if (request.method === "POST" && path === "/decisions") {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const asked = JSON.parse(Buffer.concat(parts).toString()) as DecisionLists;
        decided.push(asked);
        if ("refused" in asked.labelled) response.writeHead(400).end("no table can point into it");
        else
          send(
            "application/json",
            JSON.stringify({
              path: "/study/labels.csv",
              kept: asked.kept.length,
              labelled: Object.values(asked.labelled).flat().length,
              aside: asked.aside.length,
            }),
          );
      });
    } else if (request.method === "POST" && path === "/drop")
      send("application/json", JSON.stringify(tell(new URL(request.url!, "http://localhost"))));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/`, requests, decided, close: () => server.close() };
}

/** A report: a page with text, and the scene and the viewer inside. */
export function singlePage({ scene, blobs }: MadeScene): string {
  const data = [...blobs].map(
    ([name, bytes]) =>
      `<script type="application/octet-stream" data-blob="${name}">${gzipSync(bytes).toString("base64")}</script>`,
  );
  const code = readFileSync(new URL("viewer.js", STATIC)).toString("base64");
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>report</title><link rel="icon" href="data:,">
<style>table { border: 9px solid red } h2, p, button { color: red }</style>
<main><h1>Report</h1><div id="viewer" style="height: 80vh"></div><p style="color:inherit">${"Text. ".repeat(4000)}</p></main>
<script type="application/json" data-scene>${JSON.stringify(scene).replaceAll("<", "\\u003c")}</script>
${data.join("\n")}
<script type="module">
const { mount, inlineSource } = await import("data:text/javascript;base64,${code}");
window.viewer = mount(document.querySelector("#viewer"), inlineSource(document));
</script></html>`;
}
