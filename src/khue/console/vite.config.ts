import { svelte } from "@sveltejs/vite-plugin-svelte";
import { loadEnv } from "vite";
import { defineConfig } from "vitest/config";

/** `npm run dev` talks to the centre named by KHUE_CENTRE (an http URL). */
export default defineConfig(({ mode }) => {
  const centre = loadEnv(mode, ".", "KHUE_")["KHUE_CENTRE"] ?? "http://127.0.0.1:8080";
  return {
    plugins: [svelte()],
    build: {
      target: "es2022",
      // The centre's content policy allows no inline script, and every browser we target preloads modules.
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
    },
    server: { proxy: { "/api": { target: centre, ws: true } } },
    test: { include: ["tests/**/*.test.ts"], css: true },
  };
});
