/** Entry point of the shell's window for secrets. It runs one task, which the shell names in the address. */
import '../styles/secret-window.css';
import { type ComponentType, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { forceUnwrap } from '../../shared/assert.ts';
import type { SecretWindowTask } from '../../shared/secret-window.ts';
import { LANGUAGES } from '../../shared/strings/languages.ts';
import { loadStrings } from '../strings.ts';
import { Backup } from './backup.tsx';
import { Export, Import, NewPassphrase, Unlock } from './key-files.tsx';

const TASKS: Readonly<Record<SecretWindowTask, ComponentType>> = {
  backup: Backup,
  export: Export,
  import: Import,
  unlock: Unlock,
  'new-passphrase': NewPassphrase,
};

const parameters = new URLSearchParams(window.location.search);
const task = parameters.get('task');
const Task = Object.entries(TASKS).find(([name]) => name === task)?.[1] ?? Backup;

await loadStrings(LANGUAGES.find((each) => each === parameters.get('language')) ?? 'en');
createRoot(forceUnwrap('the page element of secret.html', document.getElementById('page'))).render(
  <StrictMode>
    <main className="secret">
      <Task />
    </main>
  </StrictMode>,
);
