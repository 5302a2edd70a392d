/**
 * Verifies: in practice, what the owner buys through the gateway is a purchase of theirs, with the examples that the page
 *   shows, and the ledger of the machine agrees with the chain. A storefront that the owner turns on sells what it buys, and
 *   jobs of an AI Horde run on the same engine, also over a kill of the agent in the middle of one.
 * Setup: a practice network with everything real and a quiet requester; the examples run as the page prints them; a Horde on
 *   loopback that follows the recorded shapes.
 * Fails if: a purchase appears as income from the practice requester, the job isn't listed as bought, an example doesn't
 *   run, the ledger doesn't add up, sales of the storefront count as work of this machine, or a Horde and this machine
 *   disagree about a job.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import OpenAI from 'openai';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { waitForState } from '../../scripts/lib/agent-process.ts';
import { AGENT_PROGRAM, REPOSITORY } from '../../scripts/lib/places.ts';
import type { AgentState } from '../../shared/api/state.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { EXAMPLES, exampleText } from '../../shared/examples.ts';
import {
  type FakeHorde,
  HORDE_KEY,
  hordeJob,
  REWARD,
  SUBMIT,
  startFakeHorde,
} from '../fakes/horde-server.ts';
import {
  booked,
  descendants,
  eventually,
  type PracticeAgent,
  startPractice,
  temporaryHome,
} from './practice-agent.ts';

/** An example limits no tokens, so an answer may be long, and other tests use the machine. */
const ANSWER_MS_MAX = 120_000;

const run = promisify(execFile);
const home = temporaryHome();
let practice: PracticeAgent;
let horde: FakeHorde;

const stateWith = (condition: (state: AgentState) => boolean) =>
  waitForState(practice.api, condition, { timeoutMs: 60_000 });

before(
  async () => {
    horde = await startFakeHorde();
    practice = await startPractice(home.path);
  },
  { timeout: 300_000 },
);

after(async () => {
  await practice?.close();
  await horde?.close();
  home.remove();
});

/** Runs an example as someone would who copies it, with the key in the environment. */
async function runExample(name: (typeof EXAMPLES)[number]): Promise<string> {
  const { gateway } = practice.agent.ready;
  assert.ok(gateway);
  const text = exampleText(name, { baseUrl: gateway.baseUrl, model: TINY_MODEL_ID });
  const env = { ...process.env, IDLEWATT_KEY: gateway.key };
  if (name === 'curl') return (await run('/bin/sh', ['-c', text], { env, timeout: ANSWER_MS_MAX })).stdout;
  if (name === 'python') return (await run('python3', ['-c', text], { env, timeout: ANSWER_MS_MAX })).stdout;
  const parameters = ['--input-type=module', '-e', text];
  return (await run(process.execPath, parameters, { env, timeout: ANSWER_MS_MAX, cwd: REPOSITORY })).stdout;
}

// Starting the practice network takes most of it.
test('the examples run, and each is a purchase of the owner', { timeout: 400_000 }, async () => {
  for (const name of EXAMPLES) {
    const output = await runExample(name);
    // curl exits with 0 whatever the gateway answers.
    if (name === 'curl') assert.equal(JSON.parse(output).object, 'chat.completion', output);
    else assert.ok(output.trim().length > 0, name);
  }
  const { api, requester } = practice;
  const bought = await eventually('all purchases are charged', async () => {
    const { jobs } = await api.jobs.list({ side: 'bought', limit: 50 });
    return jobs.length === EXAMPLES.length && jobs.every((job) => job.state === 'charged') ? jobs : null;
  });
  const own = practice.agent.ready.peer.id;
  for (const job of bought) assert.equal(job.peer, own);
  const { jobs: sold } = await api.jobs.list({ side: 'sold', limit: 50 });
  assert.deepEqual([...new Set(sold.map((job) => job.peer))], [own], 'no sale to the practice requester');
  assert.equal((await requester.jobs.list({ limit: 5 })).jobs.length, 0);

  const spent = await booked(api, 'expense:inference');
  assert.ok(spent > 0n);
  assert.equal(
    spent,
    bought.reduce((sum, job) => sum + BigInt(job.charged ?? 0), 0n),
  );
  assert.equal(-(await booked(api, 'income:jobs')), spent, 'the owner is their own only provider');
  const year = await api.buying.overview({ period: 'year' });
  assert.equal(
    year.providers.reduce((sum, each) => sum + BigInt(each.spent), 0n),
    spent,
  );
  assert.ok(BigInt(year.deposited) > 0n, 'the rest of the deposit is still in the channel');
  assert.deepEqual(await api.earnings.coming({ days: 7 }), { coming: null }, 'too few days are known');
  await api.earnings.settle({});
  // Exits with 1 and lists each difference if the ledger and the chain disagree.
  const verify = [AGENT_PROGRAM, 'ledger', 'verify', '--home', home.path];
  await run(process.execPath, verify, { timeout: 120_000 });
});

test('turned on, a storefront sells to a customer with a prepaid balance, and ledger and chain agree', {
  timeout: 300_000,
}, async () => {
  const { api } = practice;
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as AddressInfo;
  const storefront = async (state: string) =>
    (await stateWith((all) => all.storefront.state === state)).storefront;
  await api.settings.change({ storefrontOn: true, storefrontPort: port });
  await storefront('port-in-use');
  await api.settings.change({ storefrontOn: false });
  await storefront('off');
  blocker.close();
  await api.settings.change({ storefrontOn: true });
  const { address, publicUrl } = await storefront('open');
  assert.equal(address, `http://127.0.0.1:${port}`);
  assert.equal(publicUrl, address);
  const command = async (...words: string[]) =>
    (await run(process.execPath, [AGENT_PROGRAM, ...words, '--home', home.path], { timeout: 60_000 })).stdout;
  const { id, secret } = JSON.parse(await command('customers', 'add', 'Ada', '--json'));
  await command('customers', 'credit', id, '0.5');
  const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: secret, maxRetries: 0 });
  const before = await booked(api, 'income:jobs');
  const spentBefore = await booked(api, 'expense:inference');
  const answer = await client.chat.completions.create(
    { model: TINY_MODEL_ID, messages: [{ role: 'user', content: 'Why is the sky blue?' }], max_tokens: 20 },
    { timeout: ANSWER_MS_MAX },
  );
  assert.ok(answer.usage?.completion_tokens);
  const charged = await eventually('the sale and its purchase are recorded', async () => {
    const { jobs } = await api.jobs.list({ limit: 3 });
    const sale = jobs.find(({ channelId }) => channelId === `key:${id}`);
    return sale?.state === 'charged' && jobs.every(({ state }) => state === 'charged') ? sale.charged : null;
  });
  const spent = (await booked(api, 'expense:inference')) - spentBefore;
  const earned = before - (await booked(api, 'income:jobs'));
  assert.equal(earned, BigInt(charged) + spent, 'sold to the customer, and to itself');
  assert.ok(BigInt(charged) >= spent && spent > 0n, 'for no less than it cost');
  assert.match(await command('customers', 'list'), new RegExp(`${id} {2}Ada {2}balance: 0\\.4`));
  assert.match(await (await fetch(`${address}/`)).text(), /Idlewatt storefront/);
  const { market, storefront: resold } = await api.earnings.byNetwork({ days: 2 });
  assert.deepEqual(resold, { earned: charged, jobs: 1 });
  const { devices, totals } = await api.earnings.overview({ period: 'year' });
  assert.equal(BigInt(totals.earned), BigInt(market.earned) + BigInt(charged));
  assert.equal(
    devices.reduce((sum, { earned }) => sum + BigInt(earned), 0n),
    BigInt(market.earned),
    'no device computed what the storefront sold',
  );
  await api.settings.change({ storefrontUrl: 'https://ai.example.com' });
  await eventually(
    'it names the public address',
    async () =>
      (await (await fetch(`${address}/.well-known/x402`)).text()).includes('https://ai.example.com') || null,
  );
  await api.settings.change({ storefrontOn: false });
  await storefront('off');
  await assert.rejects(fetch(`${address}/`), 'nothing listens any more');
  await api.earnings.settle({});
  await command('ledger', 'verify');
});

test('a backup and a report from the page lie in the data folder, for the owner alone', {
  timeout: 120_000,
}, async () => {
  const { api } = practice;
  const backup = await api.maintenance.backup({});
  const report = await api.maintenance.report({});
  for (const { path, bytes } of [backup, report]) {
    assert.ok(path.startsWith(home.path), path);
    const { size, mode } = statSync(path);
    assert.equal(size, bytes);
    if (process.platform !== 'win32') assert.equal(mode & 0o077, 0, path);
  }
  const { backups, reports } = await api.maintenance.list({});
  assert.deepEqual([backups, reports], [[backup], [report]]);
  assert.equal(
    (await api.earnings.overview({ period: 'year' })).devices[0]?.device === null,
    false,
    'the device is recorded',
  );
});

const HORDE_MODEL = { id: TINY_MODEL_ID, name: 'Tiny' };
const KUDOS = String(Math.floor(REWARD * 100));

test('a job of the AI Horde runs on the engine, and its kudos are recorded', {
  timeout: 120_000,
}, async () => {
  const { api } = practice;
  horde.queue.push(hordeJob('answered', HORDE_MODEL.name, { max_length: 20, stop_sequence: [] }));
  await api.horde.setKey({ key: HORDE_KEY });
  await api.settings.change({ hordeUrl: horde.url, hordeModels: [HORDE_MODEL], hordeOn: true });
  await stateWith((all) => all.horde.kudos === KUDOS);
  const { body } = horde.to(SUBMIT)[0] ?? assert.fail('nothing was submitted');
  assert.equal(body.state, 'ok');
  assert.ok(String(body.generation).length > 0);
  const [job] = (await api.jobs.list({ side: 'sold', limit: 1 })).jobs;
  assert.ok(job?.state === 'charged' && (job.outputTokens ?? 0) > 0 && job.charged === null);
  assert.equal((await api.earnings.byNetwork({ days: 2 })).kudos, KUDOS);
});

// The practice network starts again.
test('after kill -9 in the middle of a job of the AI Horde, the server and the ledger agree', {
  timeout: 300_000,
}, async () => {
  const { api, agent } = practice;
  const [first] = descendants(agent.process.pid ?? 0, 'engine-process');
  const engine = forceUnwrap('the engine runs', first);
  // The engine can't end the job before the kill.
  process.kill(engine, 'SIGSTOP');
  horde.queue.push(hordeJob('cut', HORDE_MODEL.name, { max_length: 20, stop_sequence: [] }));
  // A poll is due within half a minute; a change of the choice asks immediately.
  await api.settings.change({ hordeNsfw: true });
  await stateWith(({ work }) => work.activeJobs.length === 1);
  agent.process.kill('SIGKILL');
  process.kill(engine, 'SIGKILL');
  await practice.close();
  assert.equal(horde.jobs.get('cut'), 'open');

  practice = await startPractice(home.path, 'tiny', ['--role', 'storefront']);
  await eventually('the server is told', async () => horde.jobs.get('cut') === 'faulted' || null);
  const [job] = (await practice.api.jobs.list({ side: 'sold', limit: 1 })).jobs;
  assert.ok(job?.state === 'failed' && job.charged === null, job?.state);
  const { horde: worker, storefront } = await stateWith(() => true);
  assert.equal(worker.kudos, KUDOS, 'those of the answered job');
  assert.deepEqual([storefront.state, storefront.isFixed], ['open', true]);
  assert.equal(storefront.address, practice.agent.ready.storefront);
  await run(process.execPath, [AGENT_PROGRAM, 'ledger', 'verify', '--home', home.path], { timeout: 60_000 });
});
