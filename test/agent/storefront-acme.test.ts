/**
 * Verifies: an agent that the command line asks for it serves its storefront by HTTPS with a certificate that it obtained, and
 *   OpenAI's client buys from it.
 * Setup: the practice network with everything real, and Pebble, the ACME server of Let's Encrypt's makers.
 * Fails if: the bundled agent can't obtain a certificate, a client that trusts the authority alone can't buy, the keys can be
 *   read by others, a second start orders again, or a refusal isn't shown.
 * Lab: builds an ACME server with the Go toolchain, and starts the practice network twice.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { Agent, fetch } from 'undici';
import { CERTIFICATE_FILE } from '../../main/agent/certificate-file.ts';
import { withRunningAgent } from '../../main/agent-commands/running-agent.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { waitForState } from '../../scripts/lib/agent-process.ts';
import type { AgentState } from '../../shared/api/state.ts';
import { type AcmeServer, FORBIDDEN_NAME, startAcmeServer } from '../lab/acme-server.ts';
import {
  eventually,
  type PracticeAgent,
  showWarnings,
  startPractice,
  temporaryHome,
} from './practice-agent.ts';

const DOMAIN = 'ai.example.com';
const SLOW_MS_MAX = 300_000;

const home = temporaryHome();
let acme: AcmeServer;
let practice: PracticeAgent | null = null;

before(
  async () => {
    acme = await startAcmeServer();
    // For the agent, whose process starts later.
    process.env.NODE_EXTRA_CA_CERTS = acme.ownCertificateFile;
  },
  { timeout: SLOW_MS_MAX },
);

after(async () => {
  await practice?.close();
  acme?.close();
  home.remove();
});
after(showWarnings(home.path));

async function start(domain: string): Promise<PracticeAgent> {
  await practice?.close();
  const names = ['--acme-domain', domain, '--acme-agree', '--acme-directory', acme.directory];
  const web = ['--web-listen', `127.0.0.1:${acme.challengePort}`];
  practice = await startPractice(home.path, 'tiny', ['--role', 'storefront', ...web, ...names]);
  return practice;
}

const certificateWith = async ({ api }: PracticeAgent, condition: (all: AgentState) => boolean) =>
  (await waitForState(api, condition, { timeoutMs: 60_000 })).storefront.certificate;

/** Resolves every name to this machine, and trusts the authority's root alone. */
function visitor(context: { after: (close: () => Promise<void>) => void }) {
  const lookup = (_host: string, _options: unknown, done: (...answer: unknown[]) => void) =>
    done(null, [{ address: '127.0.0.1', family: 4 }]);
  const dispatcher = new Agent({ connect: { ca: acme.root, lookup: lookup as never } });
  context.after(() => dispatcher.destroy());
  return ((url: string, init: object) =>
    fetch(url, { ...init, dispatcher })) as unknown as typeof globalThis.fetch;
}

/** The only one: all tests use one domain and authority. */
const storedFile = () => {
  const { keys } = homePaths(home.path);
  const [name = ''] = readdirSync(keys).filter((each) => each.startsWith(CERTIFICATE_FILE));
  return join(keys, name);
};
const stored = () => JSON.parse(readFileSync(storedFile(), 'utf8'));

test('OpenAI’s client buys over a certificate that the agent obtained', {
  timeout: SLOW_MS_MAX,
}, async (context) => {
  const opened = await start(DOMAIN);
  const certificate = await certificateWith(
    opened,
    ({ storefront }) => storefront.certificate?.expiresAtMs !== null,
  );
  assert.equal(certificate?.problem, null);
  assert.equal(opened.agent.ready.storefront, `https://127.0.0.1:${acme.challengePort}`);
  const fetchThere = visitor(context);
  const baseURL = `https://${DOMAIN}:${acme.challengePort}`;
  assert.match(
    await (await fetchThere(baseURL)).text(),
    /https:\/\/ai\.example\.com\/v1.*Valid until \d{4}/s,
  );

  const { customer, secret } = await opened.api.storefront.addCustomer({ name: 'Ada' });
  await withRunningAgent(home.path, ({ shell }) =>
    shell.customerCredit({ id: customer.id, amount: '500000' }),
  );
  const client = new OpenAI({ baseURL: `${baseURL}/v1`, apiKey: secret, fetch: fetchThere, maxRetries: 0 });
  // Nothing was bought yet: the storefront looks for offers itself.
  const { data } = await eventually('a model for sale', async () => {
    const list = await client.models.list();
    return list.data.length > 0 ? list : null;
  });
  assert.deepEqual(
    data.map(({ id }) => id),
    [TINY_MODEL_ID],
  );
  const messages = [{ role: 'user' as const, content: 'Why is the sky blue?' }];
  const request = { model: TINY_MODEL_ID, max_tokens: 8, messages };
  const answer = await client.chat.completions.create(request);
  assert.ok(answer.usage?.completion_tokens);
  if (process.platform !== 'win32') assert.equal(statSync(storedFile()).mode & 0o077, 0);
});

test('a second start serves the stored certificate, and a refusal is shown', {
  timeout: SLOW_MS_MAX,
}, async () => {
  const { chain } = stored().certificate;
  const again = await start(DOMAIN);
  await certificateWith(again, ({ storefront }) => storefront.certificate?.expiresAtMs !== null);
  assert.equal(stored().certificate.chain, chain);

  const refused = await start(FORBIDDEN_NAME);
  const certificate = await certificateWith(
    refused,
    ({ storefront }) => storefront.certificate?.problem !== null,
  );
  assert.match(certificate?.problem ?? '', /refused the order/);
  assert.ok((certificate?.nextTryAtMs ?? 0) > Date.now());
});
