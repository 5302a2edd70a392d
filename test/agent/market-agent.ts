/** Runs one real program of the open market at a host of the lab, for market-lab.test.ts, and reports what it finds. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { connectApi, startAgent, waitForState } from '../../scripts/lib/agent-process.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import { eventually, temporaryHome } from './practice-agent.ts';

export type FromMarketAgent =
  | { readonly type: 'ready'; readonly addresses: readonly string[] }
  /** The models that the gateway lists, and the first purchase's status and error. */
  | { readonly type: 'listed'; readonly models: readonly string[]; readonly code: string }
  /** The gateway lists the new price, this long after the last message. */
  | { readonly type: 'repriced'; readonly tookMs: number };

/** A provider asks for this price from now on; a buyer waits for it. */
export interface ToMarketAgent {
  readonly inputPerMillion: string;
}

const [task, ...options] = process.argv.slice(2);
const home = temporaryHome();
const report = (message: FromMarketAgent) => void process.send?.(message);

const agent = await startAgent([
  '--headless',
  '--home',
  home.path,
  ...(task === 'relay' ? [] : openProfile()),
  ...options,
]);
process.once('disconnect', async () => {
  await agent.stop();
  home.remove();
  process.exit(0);
});
if (task === 'provider') await engineIsReady();
report({ type: 'ready', addresses: agent.ready.peer.addresses });
if (task === 'buyer') await list();
process.on('message', (message: ToMarketAgent) => void (task === 'buyer' ? waitFor(message) : ask(message)));

function openProfile(): readonly string[] {
  const passphraseFile = join(home.path, 'passphrase');
  writeFileSync(passphraseFile, 'an open pass phrase\n', { mode: 0o600 });
  prepareMeasuredHome(home.path, TINY_MODEL_ID);
  return ['--profile', 'open', '--passphrase-file', passphraseFile];
}

async function ask({ inputPerMillion }: ToMarketAgent): Promise<void> {
  if (!agent.ready.page) throw new Error('no page');
  const { api, close } = await connectApi(agent.ready.page);
  await api.settings.change({ priceInputPerMillion: inputPerMillion });
  close();
}

async function waitFor({ inputPerMillion }: ToMarketAgent): Promise<void> {
  const startMs = performance.now();
  await eventually('the price is listed', async () => {
    const [model] = await listed();
    return model?.price.inputPerMillion === inputPerMillion ? true : null;
  });
  report({ type: 'repriced', tookMs: performance.now() - startMs });
}

async function engineIsReady(): Promise<void> {
  if (!agent.ready.page) throw new Error('no page');
  const { api, close } = await connectApi(agent.ready.page);
  await waitForState(api, (state) => state.work.engine === 'ready', { timeoutMs: 60_000 });
  close();
}

interface ListedModel {
  readonly id: string;
  readonly price: { readonly inputPerMillion: string };
}

async function listed(): Promise<readonly ListedModel[]> {
  if (!agent.ready.gateway) throw new Error('no gateway');
  const { baseUrl, key } = agent.ready.gateway;
  const response = await fetch(`${baseUrl}/models`, { headers: { authorization: `Bearer ${key}` } });
  return ((await response.json()) as { data: ListedModel[] }).data;
}

/** Lists the models of the gateway until there is one, and tries to buy. */
async function list(): Promise<void> {
  if (!agent.ready.gateway) throw new Error('no gateway');
  const { baseUrl, key } = agent.ready.gateway;
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const models = await eventually('a model is listed', async () => {
    const found = await listed();
    return found.length > 0 ? found.map(({ id }) => id) : null;
  });
  const body = JSON.stringify({
    model: models[0],
    messages: [{ role: 'user', content: 'Hello' }],
    max_tokens: 4,
  });
  const response = await fetch(`${baseUrl}/chat/completions`, { method: 'POST', headers, body });
  const { error } = (await response.json()) as { error: { code: string } };
  report({ type: 'listed', models, code: error.code });
}
