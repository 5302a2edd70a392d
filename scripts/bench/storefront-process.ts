/**
 * A storefront for `npm run bench -- storefront`, in a process of its own: it reports its address, and its memory on request.
 * The engine behind it is a slow fake.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { amount } from '../../shared/money.ts';
import { MODEL, openChain, openStorefrontMarket } from '../../test/contract/storefront-market.ts';
import { createFakeEngine } from '../../test/fakes/engine.ts';
import { FAKE_LIFE } from '../../test/fakes/market.ts';

const TOKEN_MS = 5_000;
const KEYS = 100;
const BALANCE = amount(1_000_000_000n);
const SETTLE_MS_MAX = 60_000;
const SETTLE_POLL_MS = 200;

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

const askedSchema = z.object({ streams: z.number() });

process.on('message', (message) => {
  void measure(askedSchema.parse(message).streams);
});
process.once('disconnect', () => {
  // The streams end with the process.
  void chain.stop().then(() => {
    rmSync(folder, { recursive: true });
    process.exit(0);
  });
});
process.send?.({ url: shop.url, model: MODEL, keys });

/** Waits until as many streams are open, collects garbage, and reports the resident memory. */
async function measure(wanted: number): Promise<void> {
  const untilMs = performance.now() + SETTLE_MS_MAX;
  while (shop.service.active().length !== wanted && performance.now() < untilMs) await sleep(SETTLE_POLL_MS);
  for (let time = 0; time < 3; time += 1) {
    globalThis.gc?.();
    await sleep(SETTLE_POLL_MS);
  }
  process.send?.({ residentBytes: process.memoryUsage.rss(), streams: shop.service.active().length });
}
