import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

const three = readFileSync(new URL("node_modules/three/LICENSE", import.meta.url), "utf8").trim();
const notice = `/*! embedlens viewer, MIT licence. It contains three.js:\n\n${three}\n*/`;

// One ES module with its style inside, and the page that opens it on a server: all the viewer needs.
export default defineConfig({
  publicDir: "public",
  build: {
    outDir: process.env.VIEWER_OUT ?? "../src/embedlens/viewer/static",
    emptyOutDir: true,
    target: "es2022",
    minify: true,
    reportCompressedSize: false,
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "viewer.js" },
    rolldownOptions: { output: { banner: notice, minify: true } },
  },
});
