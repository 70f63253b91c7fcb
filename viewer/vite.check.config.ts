import { defineConfig } from "vite";

// The script of the page that `embedlens check` writes, beside the viewer: it is put into that page.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: process.env.VIEWER_OUT ?? "../src/embedlens/viewer/static",
    emptyOutDir: false,
    target: "es2022",
    reportCompressedSize: false,
    lib: { entry: "src/check/index.ts", formats: ["es"], fileName: () => "check.js" },
    rolldownOptions: { output: { minify: true } },
  },
});
