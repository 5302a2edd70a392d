/**
 * Verifies: in the desktop app a backup is chosen in the native dialog, checked, and restored by an agent that starts again
 * automatically.
 * Setup: the real app on the practice network; the test answers the system's file dialog, which only a test runner can do.
 * Fails if: the chosen file isn't offered, the agent doesn't come back, or the page doesn't name where the former state is.
 * Long: it starts the app several times.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { text } from '../../shared/strings/index.ts';
import { type DesktopApp, openApp, until } from './app.ts';

const AGENT_MS_MAX = 90_000;
/** Two starts of an agent. */
const SLOW = { timeout: 3 * AGENT_MS_MAX };

let desktop: DesktopApp;
before(async () => {
  desktop = await openApp();
  await desktop.page.getByRole('navigation').first().waitFor({ timeout: AGENT_MS_MAX });
}, SLOW);
after(() => desktop.close());

test('a chosen backup is restored, and the agent starts again with it', SLOW, async () => {
  const { page, home } = desktop;
  await page
    .getByRole('link', { name: text('en', 'nav.settings') })
    .first()
    .click();
  await page.getByRole('button', { name: text('en', 'maintenance.backUp') }).click();
  const folder = join(home, 'backups');
  const listed = () => (existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.gz')) : []);
  const [made] = await until('a backup', listed, (names) => names.length === 1, AGENT_MS_MAX);
  await page.getByRole('button', { name: text('en', 'maintenance.backUp') }).waitFor();
  const elsewhere = join(home, 'elsewhere.tar.gz');
  renameSync(join(folder, made ?? ''), elsewhere);
  await desktop.app.evaluate(({ dialog }, path) => {
    Object.assign(dialog, {
      showOpenDialog: () => Promise.resolve({ canceled: false, filePaths: [path] }),
    });
  }, elsewhere);
  await page.getByRole('button', { name: text('en', 'maintenance.chooseFile') }).click();
  await until('the copy', listed, (names) => names[0]?.startsWith('chosen-') === true, AGENT_MS_MAX);
  const picked = page.getByLabel(text('en', 'maintenance.restore'), { exact: true });
  await until(
    'the choice',
    () => picked.inputValue(),
    (value) => value.startsWith('chosen-'),
  );
  await page.getByRole('button', { name: text('en', 'maintenance.check'), exact: true }).click();
  const act = text('en', 'maintenance.restoreAct');
  await page.getByRole('button', { name: act }).click({ timeout: AGENT_MS_MAX });
  const pid = await desktop.agentPid();
  await page.getByRole('alertdialog').getByRole('button', { name: act }).click();
  await until('another agent', desktop.agentPid, (now) => now !== undefined && now !== pid, AGENT_MS_MAX);
  await page.getByText(text('en', 'maintenance.aside')).waitFor({ timeout: AGENT_MS_MAX });
  const [aside] = readdirSync(home).filter((name) => name.startsWith('before-restore-'));
  assert.ok(aside !== undefined && existsSync(join(home, aside, 'idlewatt.db')));
});
