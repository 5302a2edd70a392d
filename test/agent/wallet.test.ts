/**
 * Verifies: with the real agent a page can prepare a transfer but never confirm it; the owner's terminal can; the
 * ledger follows; and no secret of the wallet is anywhere but in its two files.
 * Setup: the agent and the terminal's commands as processes of their own; afterwards keys and database, the output of
 * the processes, their command lines and environments, and what the page received are searched for secrets.
 * Fails if: a page confirms its own transfer, a token reaches another process, a secret is in a log or a database.
 */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Wallet } from 'ethers';
import { createKeyTools } from '../../main/adapters/ethers/index.ts';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import {
  type AgentApi,
  connectApi,
  type RunningAgent,
  startAgent,
  waitForState,
} from '../../scripts/lib/agent-process.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import { findSecrets, scanFolder, scanProcess, secretsOf } from '../secrets/scan.ts';
import { booked, eventually, temporaryHome } from './practice-agent.ts';

/** Half a coin. */
const HALF = 5n * 10n ** 17n;

const home = temporaryHome();
/** Everything that processes wrote and the page received, for the search at the end. */
const received: string[] = [];
let agent: RunningAgent;
let page: { api: AgentApi; close(): void };

before(
  async () => {
    prepareMeasuredHome(home.path, TINY_MODEL_ID);
    agent = await startAgent(['--headless', '--home', home.path, '--quiet-requester']);
    if (agent.ready.page === null) throw new Error('a headless agent serves pages');
    page = await connectApi(agent.ready.page);
  },
  { timeout: 300_000 },
);

after(async () => {
  page.close();
  await agent.stop();
  home.remove();
});

interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a terminal command with typed input. */
function terminal(args: readonly string[], typed = ''): Promise<Finished> {
  return runTerminal(args, (child) => void child.stdin.end(typed));
}

/** Runs a terminal command and answers each prompt `Word N:`. */
function answered(args: readonly string[], answer: (position: number) => string): Promise<Finished> {
  return runTerminal(args, (child) => {
    child.stderr.on('data', (part: Buffer) => {
      const position = /Word (\d+): $/.exec(part.toString())?.[1];
      if (position !== undefined) child.stdin.write(`${answer(Number(position))}\n`);
    });
  });
}

async function runTerminal(
  args: readonly string[],
  type: (child: ChildProcessWithoutNullStreams) => void,
): Promise<Finished> {
  const child = spawn(process.execPath, [AGENT_PROGRAM, ...args, '--home', home.path], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => {
      output += part.toString();
    });
  }
  type(child);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  received.push(output);
  return { code, output };
}

const coinId = 'eip155:31337/native';
const stranger = Wallet.createRandom().address;

test('the terminal sends after its owner confirmed, and the ledger follows', async () => {
  const refused = await terminal(['wallet', 'send', 'coin', '0.5', stranger], 'n\n');
  assert.equal(refused.code, 1, refused.output);
  assert.match(refused.output, /declined/);
  assert.equal(await booked(page.api, 'equity:sent', coinId), 0n);
  const sent = await terminal(['wallet', 'send', 'coin', '0.5', stranger], 'y\n');
  assert.equal(sent.code, 0, sent.output);
  assert.match(sent.output, /amount {2}0\.5 ETH/);
  assert.match(sent.output, /mined: 0x[0-9a-f]{64}/);
  assert.equal(await booked(page.api, 'equity:sent', coinId), HALF);
  const { transactions } = await page.api.wallet.history({});
  assert.deepEqual(
    transactions.map(({ state, to, amount }) => [state, to, amount]),
    [['mined', stranger, HALF.toString()]],
  );
  const logged = await terminal(['logs', '--component', 'wallet']);
  assert.match(logged.output, /Transaction mined {2}purpose=transfer {2}tx=0x[0-9a-f]{64}/);
  const shown = await terminal(['wallet', 'history']);
  assert.match(shown.output, /mined .*0\.5 ETH to 0x/);
  for (const [asset, sum, to, code, reason] of [
    ['coin', '0.0000000000000000001', stranger, 2, /too many decimals/],
    ['coin', '999', stranger, 1, /Not enough ETH/],
    ['coin', '0.1', stranger.toLowerCase(), 2, /without its checksum/],
  ] as const) {
    const bad = await terminal(['wallet', 'send', asset, sum, to]);
    assert.equal(bad.code, code, bad.output);
    assert.match(bad.output, reason);
  }
});

test('a page requests a transfer and waits; only the terminal can confirm it', async () => {
  const spend = await page.api.wallet.prepareSend({ asset: 'coin', to: stranger, amount: '1000' });
  const asked = page.api.wallet.requestSend({ id: spend.id });
  const listed = await eventually('the spend waits', async () => {
    const { output } = await terminal(['wallet', 'pending']);
    return output.includes(stranger) ? output : null;
  });
  const id = listed.split('\n')[0] ?? '';
  for (const call of [
    () => page.api.shell.answerSpend({ id, approved: true }),
    () => page.api.shell.pendingSpends({}),
    () => page.api.shell.revealPhrase({ passphrase: 'any' }),
    () => page.api.shell.importWallet({ source: { type: 'key', key: '1' }, passphrase: 'any' }),
    () => page.api.shell.setPayoutAddress({ address: stranger }),
  ]) {
    await assert.rejects(call(), { message: 'Only the desktop shell may do this.' });
  }
  const confirmed = await terminal(['wallet', 'confirm', id], 'y\n');
  assert.equal(confirmed.code, 0, confirmed.output);
  assert.equal((await asked).state, 'mined');
  const again = await terminal(['wallet', 'confirm', id], 'y\n');
  assert.equal(again.code, 1);
});

test('the ledger agrees with the chain after the transfers', async () => {
  const verified = await terminal(['ledger', 'verify']);
  assert.equal(verified.code, 0, verified.output);
});

test('secrets are in the wallet’s own files and nowhere else', async () => {
  const folder = join(home.path, 'keys');
  const secrets = await secretsOf(
    'practice',
    readFileSync(join(folder, 'wallet.json'), 'utf8'),
    readFileSync(join(folder, 'practice-passphrase'), 'utf8').trim(),
  );
  received.push(JSON.stringify(await waitForState(page.api, () => true, { timeoutMs: 10_000 })));
  received.push(JSON.stringify(await page.api.earnings.entries({ limit: 500 })), agent.stderr());
  const findings = received.flatMap((text) => findSecrets(secrets, 'output or API', Buffer.from(text)));
  if (agent.process.pid !== undefined && process.platform === 'linux') {
    findings.push(...scanProcess(secrets, agent.process.pid));
  }
  // Terminal access exists only while the agent runs, readable by the owner alone.
  assert.equal(statSync(join(home.path, 'terminal.json')).mode & 0o777, 0o600);
  page.close();
  await agent.stop();
  assert.ok(!readdirSync(home.path).includes('terminal.json'));
  const keeps = (path: string) => ['wallet.json', 'practice-passphrase'].includes(basename(path));
  const scan = scanFolder(secrets, folder, keeps);
  assert.deepEqual([...findings, ...scan.findings, ...scanDatabase(secrets)], []);
});

/** Searches ledger and records, where transfers are stored. */
function scanDatabase(secrets: Awaited<ReturnType<typeof secretsOf>>) {
  const files = readdirSync(home.path).filter((name) => name.startsWith('idlewatt.db'));
  assert.ok(files.length > 0);
  return files.flatMap((name) => findSecrets(secrets, name, readFileSync(join(home.path, name))));
}

test('the terminal verifies a backup and exports it, with typed answers that are not shown', async () => {
  const folder = join(home.path, 'keys');
  const passphrase = readFileSync(join(folder, 'practice-passphrase'), 'utf8').trim();
  const words = await createKeyTools().words(readFileSync(join(folder, 'wallet.json'), 'utf8'), passphrase);
  // Each prompt names the word that it asks for, so all of them have to be available.
  const drill = await answered(['wallet', 'drill', '--practice'], (position) => words[position - 1] ?? '');
  assert.equal(drill.code, 0, drill.output);
  assert.match(drill.output, /backup is verified/);
  const out = join(home.path, 'exported.json');
  const exported = await terminal(
    ['wallet', 'export', '--practice', '--out', out],
    'my long passphrase\nmy long passphrase\n',
  );
  assert.equal(exported.code, 0, exported.output);
  assert.deepEqual(await createKeyTools().words(readFileSync(out, 'utf8'), 'my long passphrase'), words);
  const locked = await terminal(
    ['wallet', 'export', '--out', `${out}.2`],
    'guess\nmy long passphrase\nmy long passphrase\n',
  );
  assert.equal(locked.code, 1);
  assert.match(locked.output, /passphrase is wrong/);
  const second = await terminal(['wallet', 'create'], 'other\nother\n');
  assert.equal(second.code, 1, second.output);
});
