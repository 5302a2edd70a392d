/** Runs two office agents and prints what the buyer finds. Started by office.test.ts in a network of its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { connectApi, startAgent, waitForState } from '../../scripts/lib/agent-process.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import { eventually, temporaryHome } from './practice-agent.ts';

const home = temporaryHome();
const passphraseFile = join(home.path, 'passphrase');
writeFileSync(passphraseFile, 'an office pass phrase\n', { mode: 0o600 });
const startOffice = (name: string) => {
  const office = join(home.path, name);
  prepareMeasuredHome(office, TINY_MODEL_ID);
  return startAgent([
    ...['--headless', '--profile', 'office', '--home', office],
    ...['--passphrase-file', passphraseFile],
  ]);
};

const seller = await startOffice('seller');
const buyer = await startOffice('buyer');
try {
  if (!seller.ready.page || !buyer.ready.page || !buyer.ready.gateway)
    throw new Error('no page or no gateway');
  const { baseUrl, key } = buyer.ready.gateway;
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const sellerApi = await connectApi(seller.ready.page);
  await waitForState(sellerApi.api, (state) => state.work.engine === 'ready', { timeoutMs: 60_000 });
  sellerApi.close();
  const models = await eventually('the offer is listed', async () => {
    const listed = (await (await fetch(`${baseUrl}/models`, { headers })).json()) as {
      data: { id: string }[];
    };
    return listed.data.length > 0 ? listed.data.map(({ id }) => id) : null;
  });
  const { api, close } = await connectApi(buyer.ready.page);
  const state = await waitForState(api, () => true, { timeoutMs: 10_000 });
  close();
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ model: models[0], messages: [{ role: 'user', content: 'Hello' }], max_tokens: 4 }),
  });
  const { error } = (await response.json()) as { error: { code: string } };
  const neighbour = state.network.peers.find(({ peer }) => peer === seller.ready.peer.id);
  console.log(
    JSON.stringify({
      models,
      source: neighbour?.source,
      tokenBalance: state.wallet.tokenBalance,
      purchase: { status: response.status, code: error.code },
    }),
  );
} finally {
  await Promise.all([seller.stop(), buyer.stop()]);
  home.remove();
}
