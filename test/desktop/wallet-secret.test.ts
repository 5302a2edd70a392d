// Verifies: on a system without a keychain the desktop opens no wallet for real money, and shows why and what to do.
// Setup: the real app in the office profile, in a test environment without a keyring, so that Electron itself falls back
//   to `basic_text`; its native dialog and its processes are read.
// Fails if: the plain-text fallback is used; an agent is started without a passphrase; a wallet or a passphrase is
//   written; the refusal has no text.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { text } from '../../shared/strings/index.ts';
import { type DesktopApp, openApp, until } from './app.ts';

let desktop: DesktopApp;
before(async () => {
  desktop = await openApp({ parameters: ['--profile', 'office', '--password-store=basic'] });
});
after(() => desktop.close());

test('without a keychain the shell shows why and starts no agent', async () => {
  const [question] = await until('a dialog', desktop.questions, (asked) => asked.length > 0);
  assert.equal(question?.message, text('en', 'dialog.cannotStart'));
  assert.match(question?.detail ?? '', /no keychain that stores secrets safely/);
  assert.match(question?.detail ?? '', /--passphrase-file/);
  assert.deepEqual(question?.buttons, ['Try again', 'Quit']);
  assert.equal(await desktop.agentPid(), undefined);
  assert.ok(!existsSync(join(desktop.home, 'keys')));
  assert.ok(!readdirSync(join(desktop.home, 'desktop')).includes('wallet-secret'));
  assert.equal((await desktop.tray()).icon, 'stopped');
});
