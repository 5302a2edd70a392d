// Goal: on a system without a keychain the desktop opens no wallet for real money, and says why and what to do.
// Method: the real app in the office profile, in a test environment that has no keyring, so that Electron
//   itself falls back to `basic_text`; its native dialog and its processes are read.
// Would break if: the plain-text fallback were taken; an agent were started without a pass phrase; a wallet
//   or a pass phrase were written; the refusal had no words.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type DesktopApp, openApp, until } from './app.ts';

let desktop: DesktopApp;
before(async () => {
  desktop = await openApp({ parameters: ['--profile', 'office', '--password-store=basic'] });
});
after(() => desktop.close());

test('no keychain, no wallet: the shell says so and starts no agent', async () => {
  const [question] = await until('a dialog', desktop.questions, (asked) => asked.length > 0);
  assert.equal(question?.message, 'Idlewatt cannot start');
  assert.match(question?.detail ?? '', /no keychain that keeps secrets safe/);
  assert.match(question?.detail ?? '', /--passphrase-file/);
  assert.deepEqual(question?.buttons, ['Try again', 'Quit']);
  assert.equal(await desktop.agentPid(), undefined);
  assert.ok(!existsSync(join(desktop.home, 'keys')));
  assert.ok(!readdirSync(join(desktop.home, 'desktop')).includes('wallet-secret'));
  assert.equal((await desktop.tray()).icon, 'stopped');
});
