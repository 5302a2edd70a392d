/** First script of the page: lets the window paint the static page, and only then loads the other scripts. */
import './styles/app.css';
import { languageFor } from '../shared/strings/languages.ts';
import { loadCatalog } from './catalogs.ts';

/** A tab in the background paints nothing. */
const PAINT_MS_MAX = 100;

await new Promise<void>((resolve) => {
  setTimeout(resolve, PAINT_MS_MAX);
  // The frame is painted after its callbacks.
  requestAnimationFrame(() => setTimeout(resolve));
});
// Next to the scripts instead of after them, which ask for the same file and report where it can't be loaded.
loadCatalog(languageFor('system', navigator.languages)).catch(() => {});
await import('./main.tsx');
