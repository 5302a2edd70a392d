/** Entry point of the pages: takes the token from the address bar, connects, loads the strings, renders the shell. */
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
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { forceUnwrap } from '../shared/assert.ts';
import { takeToken } from './connection.ts';
import { keepSampling } from './lately.ts';
import { Shell } from './shell.tsx';
import { followShell } from './startup-report.ts';
import { keepConnected } from './store.ts';
import { loadStrings } from './strings.ts';

takeToken();
followShell();
void keepConnected();
keepSampling();
await loadStrings();
createRoot(forceUnwrap('the page element of index.html', document.getElementById('page'))).render(
  <StrictMode>
    <Shell />
  </StrictMode>,
);
