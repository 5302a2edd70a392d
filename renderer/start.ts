/** First script of the page: lets the window paint the static page, and only then loads the other scripts. */
import './styles/app.css';

/** A tab in the background paints nothing. */
const PAINT_MS_MAX = 100;

await new Promise<void>((resolve) => {
  setTimeout(resolve, PAINT_MS_MAX);
  // The frame is painted after its callbacks.
  requestAnimationFrame(() => setTimeout(resolve));
});
await import('./main.tsx');
