import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    outDir: "../dist/web",
    emptyOutDir: true,
    // The content security policy knows files only: nothing is written into the page or into style sheets.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The first ones with `light-dark()`.
    target: ["chrome123", "firefox120", "safari17.5"],
    reportCompressedSize: false,
  },
  server: {
    // While working on the pages: `npm start` in one terminal, `npx vite web` in another.
    proxy: Object.fromEntries(["/v1", "/admin", "/api"].map((path) => [path, "http://127.0.0.1:8484"])),
  },
});
