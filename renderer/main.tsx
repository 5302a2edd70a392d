/** Entry point of the pages: takes the token from the address bar, connects, loads the strings, renders the shell. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { forceUnwrap } from '../shared/assert.ts';
import { languageFor } from '../shared/strings/languages.ts';
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
await loadStrings(languageFor('system', navigator.languages));
createRoot(forceUnwrap('the page element of index.html', document.getElementById('page'))).render(
  <StrictMode>
    <Shell />
  </StrictMode>,
);
