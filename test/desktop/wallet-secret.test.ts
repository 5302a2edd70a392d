// Verifies: on a system without a keychain the desktop explains it and lets the owner type the wallet's passphrase in the
//   secret window; it is used for a new wallet, remembered while the app runs, and written nowhere.
// Setup: the real app in the office profile, in a test environment without a keyring, so that Electron itself falls back
//   to `basic_text`; its native dialog is answered with the Enter key, its windows are driven.
// Fails if: the plain-text fallback is used; an agent is started without a passphrase; a weak passphrase is accepted; the
//   passphrase is asked for again after the agent ends; it is found in a file of the data folder.
// Long: it starts the app several times.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { text } from '../../shared/strings/index.ts';
import { type DesktopApp, isAlive, openApp, until } from './app.ts';

const PASSPHRASE = 'seven random words nobody would ever guess';
const AGENT_MS_MAX = 90_000;
const SLOW = { timeout: 2 * AGENT_MS_MAX };

let desktop: DesktopApp;
before(async () => {
  desktop = await openApp({
    parameters: ['--profile', 'office', '--password-store=basic', '--rpc=http://127.0.0.1:9'],
  });
});
after(() => desktop.close());

test('without a keychain the shell explains it, starts no agent and writes nothing', async () => {
  const [question] = await until('a dialog', desktop.questions, (asked) => asked.length > 0);
  assert.equal(question?.message, text('en', 'dialog.cannotStart'));
  assert.match(question?.detail ?? '', /no keychain that stores secrets safely/);
  assert.deepEqual(question?.buttons, ['Enter passphrase', 'Try again', 'Quit']);
  assert.equal(question?.hasParent, true);
  assert.equal(await desktop.agentPid(), undefined);
  assert.ok(!existsSync(join(desktop.home, 'keys')));
  assert.ok(!readdirSync(join(desktop.home, 'desktop')).includes('wallet-secret'));
  assert.equal((await desktop.tray()).icon, 'stopped');
});

test('a typed passphrase opens a new wallet, is asked for once, and is in no file', SLOW, async () => {
  desktop.press('Return');
  const secret = await desktop.windowAt('secret.html');
  const act = secret.getByRole('button', { name: text('en', 'secret.newPassphrase.act') });
  await secret.getByLabel(text('en', 'secret.export.passphrase'), { exact: true }).fill('short');
  assert.equal(await act.isDisabled(), true);
  await secret.getByLabel(text('en', 'secret.export.passphrase'), { exact: true }).fill(PASSPHRASE);
  await secret.getByLabel(text('en', 'secret.export.again'), { exact: true }).fill(PASSPHRASE);
  await act.click();
  const keystore = join(desktop.home, 'keys/wallet.json');
  await until(
    'the wallet',
    () => existsSync(keystore),
    (exists) => exists,
    AGENT_MS_MAX,
  );
  const first = await until('the agent', desktop.agentPid, (pid) => pid !== undefined);
  assert.ok(first !== undefined);
  await until('the state', desktop.tray, (tray) => tray.items.length > 5, AGENT_MS_MAX);
  process.kill(first, 'SIGKILL');
  await until(
    'the end of the agent',
    () => isAlive(first),
    (alive) => !alive,
  );
  await until('another agent', desktop.agentPid, (pid) => pid !== undefined && pid !== first, AGENT_MS_MAX);
  await until('its state', desktop.tray, (tray) => tray.items.length > 5, AGENT_MS_MAX);
  assert.deepEqual(await desktop.questions(), []);
  for (const file of filesBelow(desktop.home)) {
    assert.ok(!readFileSync(file).includes(PASSPHRASE), file);
  }
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}
