import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

const three = readFileSync(new URL("node_modules/three/LICENSE", import.meta.url), "utf8").trim();
const notice = `/*! embedlens viewer, MIT licence. It contains three.js:\n\n${three}\n*/\n`;

// One ES module with its style inside, and the page that opens it on a server: all the viewer needs.
export default defineConfig({
  plugins: [
    {
      name: "licence-notice", // after minification, which drops comments
      enforce: "post",
      generateBundle(_, bundle) {
        for (const chunk of Object.values(bundle))
          if (chunk.type === "chunk") chunk.code = notice + chunk.code;
      },
    },
  ],
  publicDir: "public",
  build: {
    outDir: process.env.VIEWER_OUT ?? "../src/embedlens/viewer/static",
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: false,
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "viewer.js" },
    rolldownOptions: { output: { minify: true } },
  },
});
