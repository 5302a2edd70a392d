/** First script of the page: lets the window paint the static page, and only then loads the other scripts. */
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';
import './styles/forms.css';
import './styles/charts.css';
import './styles/home.css';
import './styles/first-run.css';
import './styles/pages.css';
import './styles/narrow.css';
import './styles/large-text.css';

/** A tab in the background paints nothing. */
const PAINT_MS_MAX = 100;

await new Promise<void>((resolve) => {
  setTimeout(resolve, PAINT_MS_MAX);
  // The frame is painted after its callbacks.
  requestAnimationFrame(() => setTimeout(resolve));
});
await import('./main.tsx');
