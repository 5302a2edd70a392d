/** Build of the pages. Paths are relative, so that the same files work from `app://` and from loopback. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import optimizeLocales from '@react-aria/optimize-locales-plugin';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { recordPackages } from './scripts/lib/bundled-packages.ts';
import { leaveOutTexts } from './scripts/lib/page-texts.ts';
import { leaveOutUnusedSchemas } from './scripts/lib/unused-schemas.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const probe = here('./renderer/probe.html');
const secret = here('./renderer/secret.html');
const languages = readdirSync(here('./shared/strings')).flatMap(
  (name) => /^(\w+)\.json$/.exec(name)?.[1] ?? [],
);

type FindModule = (id: string) => { readonly importedIds: readonly string[] } | null;
const closures = new Map<string, ReadonlySet<string>>();

/**
 * Collects in one file what the pages need at their start, and in another what the secret window needs of it, too: each
 * file that a page loads is a request to the shell, while that is starting.
 */
function startFile(id: string, find: FindModule): string | null {
  // Vite's own modules are needed by the first script, which loads the rest.
  if (id.startsWith('\0') || !closureOf('./renderer/main.tsx', find).has(id)) return null;
  return closureOf('./renderer/secret/main.tsx', find).has(id) ? 'common' : 'pages';
}

/** The module and all that it imports, without what is loaded later. */
function closureOf(path: string, find: FindModule): ReadonlySet<string> {
  const known = closures.get(path);
  if (known !== undefined) return known;
  const found = new Set([here(path)]);
  for (const id of found) for (const imported of find(id)?.importedIds ?? []) found.add(imported);
  closures.set(path, found);
  return found;
}

export default defineConfig({
  root: here('./renderer'),
  base: './',
  // React Aria has its texts in 34 languages.
  plugins: [
    react(),
    optimizeLocales.vite({ locales: languages }),
    recordPackages('renderer'),
    leaveOutTexts(),
    leaveOutUnusedSchemas(),
  ],
  // A catalog is used as a whole.
  json: { namedExports: false },
  build: {
    outDir: here('./dist/renderer'),
    emptyOutDir: true,
    manifest: true,
    target: 'chrome130',
    // The content security policy allows neither inline code nor fonts from `data:`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      treeshake: { propertyReadSideEffects: false },
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            {
              debugName: 'files of the start',
              name: (id, context) => startFile(id, (each) => context.getModuleInfo(each)),
            },
          ],
        },
      },
      input: { index: here('./renderer/index.html'), secret, ...(existsSync(probe) ? { probe } : {}) },
    },
  },
});
