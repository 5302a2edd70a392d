/** What end-to-end tests may see of the shell: the tray, which no test can click. Nothing without IDLEWATT_TEST. */
import type { Menu } from 'electron';
import type { TrayView } from './tray-menu.ts';

export interface ShellForTests {
  tray(): { view: TrayView; menu: Menu };
  agentPid(): number | undefined;
  windowVisible(): boolean;
}

export function exposeForTests(shell: ShellForTests): void {
  if (process.env.IDLEWATT_TEST === '1') Object.assign(globalThis, { idlewattShell: shell });
}
