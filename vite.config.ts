/** Build of the pages. Paths are relative, so that the same files work from `app://` and from loopback. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const probe = here('./renderer/probe.html');
const secret = here('./renderer/secret.html');

export default defineConfig({
  root: here('./renderer'),
  base: './',
  plugins: [react()],
  build: {
    outDir: here('./dist/renderer'),
    emptyOutDir: true,
    target: 'chrome130',
    // The content security policy allows neither inline code nor fonts from `data:`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { index: here('./renderer/index.html'), secret, ...(existsSync(probe) ? { probe } : {}) },
    },
  },
});
