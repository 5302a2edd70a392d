// Verifies: the network is chosen on Settings after a confirmation, the agent starts again on it with a wallet and a
//   ledger of its own, and practice is as it was after the way back; a second start of the app shows the window.
// Setup: the real app in a temporary data folder, in an environment without a keyring, so that Base needs a passphrase
//   that nobody types: the dialog's way back to practice is taken with the keyboard.
// Fails if: the choice isn't kept, practice keys are used for real money, the owner can't get back, or the practice
//   wallet is another one afterwards.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { text } from '../../shared/strings/index.ts';
import { type DesktopApp, openApp, until } from './app.ts';
import { appProgram } from './program.ts';

const AGENT_MS_MAX = 90_000;
const SLOW = { timeout: 3 * AGENT_MS_MAX };

let desktop: DesktopApp;
before(async () => {
  desktop = await openApp({ parameters: ['--quiet-requester', '--password-store=basic'] });
  await desktop.page.getByRole('navigation').first().waitFor({ timeout: AGENT_MS_MAX });
}, SLOW);
after(() => desktop.close());

const addressIn = (folder: string): string =>
  JSON.parse(readFileSync(join(folder, 'keys/wallet-address.json'), 'utf8')).address;

test('a second start shows the window of the first', async () => {
  await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
  await until('a hidden window', desktop.windowVisible, (visible) => !visible);
  const program = await appProgram();
  const { status } = spawnSync(program.executable, program.parameters, {
    env: { ...process.env, ...desktop.display, IDLEWATT_TEST: '1', IDLEWATT_HOME: desktop.home },
    timeout: 30_000,
  });
  assert.equal(status, 0);
  await until('the window', desktop.windowVisible, (visible) => visible);
});

test('Base is chosen on Settings and asks for the passphrase of a wallet of its own', SLOW, async () => {
  const { page } = desktop;
  const practice = addressIn(desktop.home);
  await page
    .getByRole('link', { name: text('en', 'nav.settings') })
    .first()
    .click();
  await page.getByText(text('en', 'settings.network.name.base'), { exact: true }).click();
  const act = text('en', 'settings.network.act');
  await page.getByRole('button', { name: act }).click();
  const dialog = page.getByRole('alertdialog');
  await dialog.getByText(text('en', 'settings.network.meaning.base')).waitFor();
  await dialog.getByText(text('en', 'settings.network.firewall.linux')).waitFor();
  await dialog.getByRole('button', { name: act }).click();
  const [question] = await until('a dialog', desktop.questions, (asked) => asked.length > 0, AGENT_MS_MAX);
  assert.match(question?.detail ?? '', /no keychain/);
  assert.equal(question?.buttons[2], text('en', 'dialog.backToPractice'));
  assert.deepEqual(JSON.parse(readFileSync(join(desktop.home, 'network.json'), 'utf8')), { network: 'base' });
  assert.ok(!existsSync(join(desktop.home, 'networks/base/keys/wallet.json')));
  assert.equal(addressIn(desktop.home), practice);
});

test('the way back leads to the practice wallet of before', SLOW, async () => {
  const practice = addressIn(desktop.home);
  const press = () => {
    // Two buttons to the right of the first one.
    desktop.press('Tab', 'Tab', 'Return');
    return desktop.questions();
  };
  await until('the answer', press, (asked) => asked.length === 0, 20_000);
  await until('the state', desktop.tray, (tray) => tray.items.length > 5, AGENT_MS_MAX);
  assert.equal(addressIn(desktop.home), practice);
  assert.deepEqual(JSON.parse(readFileSync(join(desktop.home, 'network.json'), 'utf8')), {
    network: 'practice',
  });
});
