/**
 * A storefront for `npm run bench -- storefront`, in a process of its own: it reports its address, and its memory on request.
 * The engine behind it is a slow fake.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { amount } from '../../shared/money.ts';
import { MODEL, openChain, openStorefrontMarket } from '../../test/contract/storefront-market.ts';
import { createFakeEngine } from '../../test/fakes/engine.ts';
import { FAKE_LIFE } from '../../test/fakes/market.ts';
import { reportMemory } from './memory-report.ts';

/** So rarely that opening a thousand streams isn't slowed by those that are open. */
const TOKEN_MS = 20_000;
const KEYS = 100;
const BALANCE = amount(1_000_000_000n);

const streams = Number(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), 'idlewatt-bench-streams-'));
const chain = await openChain(folder);
const engine = createFakeEngine({
  loaded: { ...FAKE_LIFE, contextTokens: 8_192, sequences: streams * 2 },
  // The first token comes promptly.
  beforeToken: (index) => sleep(index === 0 ? 0 : TOKEN_MS),
});
const shop = await openStorefrontMarket(chain, {
  engines: [engine],
  proxies: ['127.0.0.1'],
  streamsMax: streams * 2,
});
const keys = Array.from({ length: KEYS }, (_, index) => {
  const { customer, secret } = shop.keys.add(`customer ${index}`);
  shop.keys.credit(customer.id, BALANCE);
  return secret;
});

reportMemory(() => shop.service.active().length);
process.once('disconnect', () => {
  // The streams end with the process.
  void chain.stop().then(() => {
    rmSync(folder, { recursive: true });
    process.exit(0);
  });
});
process.send?.({ url: shop.url, model: MODEL, keys });
