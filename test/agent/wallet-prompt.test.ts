/**
 * Verifies: a passphrase that is typed is never shown on the terminal.
 * Setup: `wallet create` on a real terminal (`script` of util-linux); the test types as soon as it is prompted.
 * Fails if: a passphrase appears in the terminal's scrollback.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, test } from 'node:test';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { temporaryHome } from './practice-agent.ts';

const home = temporaryHome();
after(() => home.remove());

test('prompts for the passphrase without an echo and creates the wallet', async () => {
  const words = [process.execPath, AGENT_PROGRAM, 'wallet', 'create', '--home'];
  const command = [...words, home.path].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let shown = '';
  let asked = 0;
  child.stdout.on('data', (part: Buffer) => {
    shown += part.toString();
    const questions = shown.match(/(New passphrase|Repeat the passphrase): /g)?.length ?? 0;
    for (; asked < questions; asked += 1) child.stdin.write('correct horse battery\r');
  });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  assert.equal(code, 0, shown);
  assert.equal(asked, 2);
  assert.match(shown, /24\. [a-z]+|12\. [a-z]+/);
  assert.ok(!shown.includes('correct'), 'the passphrase was shown');
});
