/**
 * Verifies: the secrets of a wallet are in its keystore file and nowhere else.
 * Setup: the practice network with everything real: start, jobs, rejected requests, settlement, restart. Every message
 * to the page, every response of the gateway, every call to the chain, all output, environments, command lines and
 * finally every byte of both data folders are searched for keys, entropy, recovery phrase and passphrase, in every
 * spelling. What the scanner must be able to find is planted first.
 * The log folders, written at level `debug`, are also searched for prompts, answers, the gateway's key and all tokens.
 * Fails if: a key is in a log line, a passphrase in a child's environment, a phrase in the state that pages get, a
 * prompt or an answer in a log, or a data folder has no log.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database from 'better-sqlite3';
import { startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { connectApi, type RunningAgent, startAgent, waitForState } from '../../scripts/lib/agent-process.ts';
import { prepareHome } from '../crash/practice-network.ts';
import {
  binarySecret,
  type Finding,
  findSecrets,
  type Secret,
  scanFolder,
  scanProcess,
  secretsOf,
  textSecret,
} from '../secrets/scan.ts';
import { descendants, eventually, temporaryHome } from './practice-agent.ts';

const home = temporaryHome();
after(() => home.remove());

/** The only files that may contain a secret; only their owner may read them. */
const SECRET_FILES = ['wallet.json', 'practice-passphrase'];
const isSecretFile = (path: string): boolean =>
  SECRET_FILES.some((name) => path.endsWith(join('keys', name)));

/** Occurs in no other text of a run. */
const PROMPT = 'Marigold 7731 would like to hear about velvet thunder';
/** Shorter beginnings of an answer could be in a log by chance. */
const ANSWER_CHARACTERS_MIN = 12;

/** Prompts, answers, keys and tokens of the runs, which may be elsewhere, but never in a log. */
const unloggable: Secret[] = [];
const neverLogged = (name: string, text: string): void => {
  unloggable.push(textSecret(name, text), textSecret(`${name}, as JSON`, JSON.stringify(text).slice(1, -1)));
};

/** Everything that was sent or printed, in one place to search. */
const captured: { place: string; bytes: Buffer }[] = [];
const capture = (place: string, data: string | Uint8Array): void => {
  captured.push({ place, bytes: Buffer.from(data) });
};

test('the scanner finds planted secrets in every spelling and every kind of place', () => {
  const folder = temporaryHome();
  try {
    const key = binarySecret('key', `0x${'0123456789abcdef'.repeat(4)}`);
    const [phrase, raw] = ['correct horse, battery', Buffer.from('0123456789abcdef'.repeat(4), 'hex')];
    const planted: [string, string | Buffer][] = [
      ['hexadecimal', `x 0X${raw.toString('hex').toUpperCase()} y`],
      ['raw bytes', Buffer.concat([Buffer.from('..'), raw])],
      ['list of numbers', JSON.stringify([...raw])],
      ...[0, 1, 2].map((before): [string, string] => [
        'base64',
        Buffer.concat([Buffer.alloc(before, 7), raw, Buffer.from('more')]).toString('base64'),
      ]),
      ['base64url', Buffer.concat([Buffer.from('ab'), raw]).toString('base64url')],
    ];
    for (const [spelling, text] of planted) {
      const found = findSecrets([key], 'here', Buffer.from(text)).map((finding) => finding.spelling);
      assert.ok(found.includes(spelling), `${spelling} was overlooked`);
    }
    assert.equal(findSecrets([textSecret('p', phrase)], 'here', Buffer.from(`{"p":"${phrase}"}`)).length, 1);
    assert.deepEqual(findSecrets([key], 'here', raw.subarray(1)), []);

    // A page of SQLite and its write-ahead log, while the database is open.
    const database = new Database(join(folder.path, 'planted.db'));
    database.pragma('journal_mode = WAL');
    database.exec('CREATE TABLE record (value TEXT)');
    database.prepare('INSERT INTO record VALUES (?)').run(raw.toString('hex'));
    const { findings } = scanFolder([key], folder.path);
    assert.ok(findings.some(({ place }) => place.endsWith('-wal')));
    database.close();
    assert.ok(scanFolder([key], folder.path).findings.some(({ place }) => place.endsWith('.db')));

    const child = spawn('sleep', ['60'], { env: { ...process.env, SECRET: raw.toString('hex') } });
    try {
      assert.ok(child.pid);
      assert.equal(scanProcess([key], child.pid).length, 1);
    } finally {
      child.kill('SIGKILL');
    }
  } finally {
    folder.remove();
  }
});

test('the scanner finds a recovery phrase, however its words are separated', async () => {
  const { HDNodeWallet } = await import('ethers');
  const wallet = HDNodeWallet.createRandom();
  const keystore = await wallet.encrypt('a passphrase');
  const secrets = await secretsOf('planted', keystore, 'a passphrase');
  const words = wallet.mnemonic?.phrase.split(' ') ?? [];
  for (const text of [
    words.join(' '),
    JSON.stringify(words),
    words.map((word, i) => `${i + 1}. ${word}`).join('\n'),
  ]) {
    assert.ok(findSecrets(secrets, 'here', Buffer.from(text)).some(({ spelling }) => spelling === 'words'));
  }
  assert.deepEqual(findSecrets(secrets, 'here', Buffer.from(words.slice(1).join(' '))), []);
});

/** Starts a proxy in front of the chain that captures every call and response. */
async function proxyChain(rpcUrl: string): Promise<{ url: string; server: Server }> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    capture('a call to the chain', body);
    try {
      const answer = await fetch(rpcUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new Uint8Array(body),
      });
      const text = await answer.text();
      capture('a response of the chain', text);
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
    } catch {
      // The chain has ended, and its callers with it.
      response.writeHead(503).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** The text of a response, whether it came whole or as a stream of events; empty for an error. */
function answerIn(response: string): string {
  const bodies = /^data: /m.test(response)
    ? response.split('\n').flatMap((line) => /^data: (\{.*)$/.exec(line)?.[1] ?? [])
    : [response];
  return bodies
    .flatMap((body) => (JSON.parse(body) as { choices?: Choice[] }).choices ?? [])
    .map(({ message, delta }) => (message ?? delta)?.content ?? '')
    .join('');
}

interface Choice {
  readonly message?: { readonly content?: string };
  readonly delta?: { readonly content?: string };
}

/** Runs the agent once, with work for it; resolves when it has ended cleanly. */
async function runOnce(rpcUrl: string, inspect: (agent: RunningAgent) => void): Promise<void> {
  const agent = await startAgent(['--headless', '--home', home.path, '--quiet-requester', '--rpc', rpcUrl], {
    // The more is logged, the more could be wrong.
    env: { IDLEWATT_LOG_LEVEL: 'debug' },
    onStderr: (line) => capture('standard error', line),
    onStdout: (line) => capture('standard output', line),
  });
  const { page, gateway, requester } = agent.ready;
  assert.ok(page && gateway && requester);
  const terminal = JSON.parse(readFileSync(join(home.path, 'terminal.json'), 'utf8')) as { token: string };
  neverLogged('the gateway’s key', gateway.key);
  neverLogged('the page’s token', page.token);
  neverLogged('the requester’s token', requester.page.token);
  neverLogged('the terminal’s token', terminal.token);
  const owner = await connectApi(page, (frame) => capture('a message to the page', frame));
  const buyer = await connectApi(requester.page, (frame) =>
    capture('a message to the requester’s page', frame),
  );
  await waitForState(owner.api, ({ work }) => work.engine === 'ready', { timeoutMs: 60_000 });
  inspect(agent);

  const ask = async (body: object, key = gateway.key): Promise<number> => {
    const response = await fetch(`${gateway.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: TINY_MODEL_ID, max_tokens: 20, ...body }),
    });
    capture('headers of the gateway', JSON.stringify([...response.headers]));
    const text = await response.text();
    capture('a response of the gateway', text);
    const answer = answerIn(text);
    if (answer.length >= ANSWER_CHARACTERS_MIN) {
      neverLogged('an answer', answer);
      neverLogged('the beginning of an answer', answer.slice(0, ANSWER_CHARACTERS_MIN));
    }
    return response.status;
  };
  const messages = [{ role: 'user', content: PROMPT }];
  await eventually('a response is bought', async () => ((await ask({ messages })) === 200 ? true : null));
  assert.equal(await ask({ messages, stream: true }), 200);
  assert.equal(await ask({ messages, max_tokens: -1 }), 400);
  assert.equal(await ask({ messages }, 'wrong'), 401);
  await owner.api.earnings.settle({});
  await owner.api.wallet.refresh({});
  for (const { api } of [owner, buyer]) {
    await api.jobs.list({ limit: 50 });
    await api.earnings.entries({ limit: 100 });
  }
  capture('the page', await (await fetch(page.url)).text());
  inspect(agent);
  owner.close();
  buyer.close();
  assert.equal(await agent.stop(), 0);
}

interface ProcessSnapshot {
  readonly pid: number;
  readonly environ: Buffer;
  readonly cmdline: Buffer;
}

/** Reads what any other program can read about the agent's processes. */
function snapshotProcesses({ process: { pid } }: RunningAgent): ProcessSnapshot[] {
  assert.ok(pid);
  return [pid, ...descendants(pid, '')].flatMap((each) => {
    try {
      const read = (name: string) => readFileSync(`/proc/${each}/${name}`);
      return [{ pid: each, environ: read('environ'), cmdline: read('cmdline') }];
    } catch {
      // It ended between being listed and being read (ps itself, for example).
      return [];
    }
  });
}

async function secretsOfHome(path: string): Promise<Secret[]> {
  const [keystore, passphrase] = SECRET_FILES.map((name) =>
    readFileSync(join(path, 'keys', name), 'utf8').trim(),
  );
  return secretsOf(path, keystore ?? '', passphrase ?? '');
}

/** The capture has every kind of place, so that finding nothing means something. */
function assertCaptured(processes: readonly ProcessSnapshot[]): void {
  for (const place of [
    'standard output',
    'a message to the page',
    'a response of the gateway',
    'a call to the chain',
  ]) {
    assert.ok(
      captured.some((message) => message.place === place),
      place,
    );
  }
  const commands = processes.map(({ cmdline }) => cmdline.toString());
  for (const part of ['practice-requester', 'engine-process']) {
    assert.ok(
      commands.some((command) => command.includes(part)),
      part,
    );
  }
}

/** The same scanner finds a secret that is planted in this data folder, and only its owner can read the real ones. */
async function assertScannerWorks(path: string, secrets: readonly Secret[]): Promise<void> {
  const [first] = (await secretsOfHome(path)).flatMap(({ needles }) => needles.map(({ bytes }) => bytes));
  const file = join(path, 'logs-planted');
  writeFileSync(
    file,
    Buffer.concat([Buffer.from('{"key":"0x'), first ?? Buffer.alloc(0), Buffer.from('"}')]),
  );
  assert.deepEqual(
    scanFolder(secrets, home.path, isSecretFile).findings.map(({ place }) => place),
    [file],
  );
  writeFileSync(file, '');
  for (const name of SECRET_FILES) {
    assert.equal(statSync(join(path, 'keys', name)).mode & 0o777, 0o600, `only the owner may read ${name}`);
  }
}

/** Each data folder has a log with lines of a run in it, and nothing that must not be logged. */
function assertLogsAreClean(homes: readonly string[], secrets: readonly Secret[]): void {
  for (const path of homes) {
    const { findings, files } = scanFolder([...secrets, ...unloggable], join(path, 'logs'));
    const log = files.find((file) => file.endsWith('agent.log'));
    assert.ok(log, `${path} has no agent.log`);
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    const levels = new Set(lines.map((line) => (JSON.parse(line) as { level: string }).level));
    assert.ok(lines.length >= 10 && levels.has('info'), `${log}: ${lines.length} lines`);
    assert.deepEqual(findings, []);
    for (const file of files) assert.equal(statSync(file).mode & 0o777, 0o600, file);
  }
}

// Starts a practice network twice and searches everything that it wrote.
const SLOW = { timeout: 5 * 60_000 };

test('a whole run leaves the secrets in their files only', SLOW, async () => {
  prepareHome(home.path);
  const chain = await startPracticeChain({ folder: join(home.path, 'chain') });
  const { url, server } = await proxyChain(chain.network.rpcUrl);
  const homes = [home.path, join(home.path, 'requester')];
  const processes: ProcessSnapshot[] = [];
  const inspect = (agent: RunningAgent): void => {
    processes.push(...snapshotProcesses(agent));
  };
  try {
    await runOnce(url, inspect);
    const secrets = (await Promise.all(homes.map(secretsOfHome))).flat();
    assert.equal(secrets.length, 12);
    await runOnce(url, (agent) => {
      inspect(agent);
      // While it runs, so that there are write-ahead logs.
      const running = scanFolder(secrets, home.path, isSecretFile);
      assert.ok(running.files.some((path) => path.endsWith('idlewatt.db-wal')));
      assert.deepEqual(running.findings, []);
    });
    const findings: Finding[] = [
      ...scanFolder(secrets, home.path, isSecretFile).findings,
      ...captured.flatMap(({ place, bytes }) => findSecrets(secrets, place, bytes)),
      ...processes.flatMap(({ pid, environ, cmdline }) => [
        ...findSecrets(secrets, `environment of ${pid}`, environ),
        ...findSecrets(secrets, `command line of ${pid}`, cmdline),
      ]),
    ];
    assert.deepEqual(findings, []);
    assertCaptured(processes);
    assert.ok(unloggable.some(({ name }) => name === 'an answer'));
    neverLogged('the prompt', PROMPT);
    assertLogsAreClean(homes, secrets);
    for (const path of homes) await assertScannerWorks(path, secrets);
  } finally {
    server.close();
    server.closeAllConnections();
    await chain.stop();
  }
});
