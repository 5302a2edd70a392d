/** Exposes the shell's tray and dialogs to end-to-end tests, and nothing without IDLEWATT_TEST. */

import type { Menu } from 'electron';
import * as electron from 'electron';
import type { OpenQuestion } from './ask.ts';
import type { TrayView } from './tray-menu.ts';

export interface ShellForTests {
  tray(): { view: TrayView; menu: Menu };
  agentPid(): number | undefined;
  windowVisible(): boolean;
  /** The dialogs on the screen now. Tests can read them and not answer them. */
  questions(): readonly OpenQuestion[];
}

export function exposeForTests(shell: ShellForTests): void {
  if (process.env.IDLEWATT_TEST === '1') Object.assign(globalThis, { idlewattShell: { ...shell, electron } });
}
