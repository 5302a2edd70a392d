/** What end-to-end tests may see of the shell: its tray and its dialogs. Nothing without IDLEWATT_TEST. */
import type { Menu } from 'electron';
import type { Question } from './ask.ts';
import type { TrayView } from './tray-menu.ts';

export interface ShellForTests {
  tray(): { view: TrayView; menu: Menu };
  agentPid(): number | undefined;
  windowVisible(): boolean;
  /** What the shell asks of the owner now. To be read, never answered. */
  questions(): readonly Question[];
}

export function exposeForTests(shell: ShellForTests): void {
  if (process.env.IDLEWATT_TEST === '1') Object.assign(globalThis, { idlewattShell: shell });
}
