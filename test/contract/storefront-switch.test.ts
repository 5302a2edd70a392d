/**
 * Verifies: a storefront that its owner closes and opens again still knows who didn't pay, and one that can't be opened
 *   leaves no port open.
 * Setup: the switch with the owner's settings, on the practice chain and the market of the other storefront tests.
 * Fails if: a payer that didn't pay gets credit by waiting for the next opening, or a failed opening keeps the port.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createSender } from '../../main/adapters/ethers/index.ts';
import { createClosers } from '../../main/agent/closers.ts';
import { openStorefrontSwitch } from '../../main/agent/storefront-switch.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { createScriptedEngine } from '../fakes/scripted-engine.ts';
import {
  MARGIN_PERCENT,
  openStorefrontMarket,
  type StorefrontMarket,
  withStorefront,
} from './storefront-market.ts';
import { codeOf, post } from './storefront-payers.ts';
import { approvedBuyer, offered, permitted, tokenCall } from './storefront-permits.ts';

const MINTED = 1_000_000_000n;
let shop: StorefrontMarket;
withStorefront((opened) => {
  shop = opened.shop;
});

type Parts = Parameters<typeof openStorefrontSwitch>;

interface Chosen {
  readonly storefrontOn: boolean;
  readonly storefrontUrl: string | null;
  readonly storefrontPort: number;
}

/** Opens a switch that sells what a market has; the settings are this test's. */
async function openSwitch(market: StorefrontMarket, first: Chosen) {
  const log = createRecordingLog();
  const closers = createClosers(log);
  let settings: object = {};
  let follow: () => void = () => undefined;
  const states = { waiting: () => undefined as unknown };
  const choose = (chosen: Chosen) => {
    settings = { ...chosen, storefrontMarginPercent: MARGIN_PERCENT };
  };
  choose(first);
  const surroundings = {
    ...{ config: { role: 'owner' }, terms: { isPaid: true }, serves: true, clock: systemClock, log },
    onClose: closers.add,
    changed: () => states.waiting(),
  };
  const { channels, node, ledger, jobs, records, key } = market;
  const onChange = (run: () => void) => {
    follow = run;
    return () => undefined;
  };
  const parts = {
    foundation: { settings: { get: () => settings, onChange }, records, ledger, jobs },
    money: { chain: node.network, node, channels, sender: channels.options.sender },
    network: { key },
    buying: {
      answers: market.market.gateway.answers,
      directory: market.market.directory,
      accepts: () => true,
    },
  };
  const opened = await openStorefrontSwitch(
    surroundings as unknown as Parts[0],
    parts as unknown as Parts[1],
  );
  return {
    state: () => opened.state().state,
    shop: () => ({ url: opened.ready().storefront ?? assert.fail('it is closed') }),
    async change(chosen: Chosen): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      states.waiting = resolve;
      choose(chosen);
      follow();
      await promise;
    },
    close: () => closers.closeAll(),
  };
}

test('remembers over openings who didn’t pay', async () => {
  const engine = createScriptedEngine();
  const market = await openStorefrontMarket(shop.chain, { engines: [engine] });
  const on = { storefrontOn: true, storefrontUrl: null, storefrontPort: 0 };
  const storefront = await openSwitch(market, on);
  try {
    const buyer = await approvedBuyer(market, MINTED);
    const { upto } = await offered(storefront.shop());
    const asking = post(storefront.shop(), await permitted(buyer, upto));
    const run = await engine.next();
    const sender = createSender(market.node, buyer.funds);
    const away = tokenCall(market, 'transfer', [`0x${'34'.repeat(20)}`, MINTED]);
    await sender.waitForReceipt(await sender.writeContract(away));
    run.start(3);
    run.text('blue', 1);
    run.end('stop');
    assert.equal((await asking).status, 200);
    await market.market.gateway.idle();

    await storefront.change({ ...on, storefrontOn: false });
    assert.equal(storefront.state(), 'off');
    await storefront.change(on);
    assert.equal(storefront.state(), 'open');
    const again = await post(storefront.shop(), await permitted(buyer, upto));
    assert.deepEqual(await codeOf(again), [402, 'not-on-credit']);
  } finally {
    await storefront.close();
    await market.close();
  }
});

test('leaves no port open where it can’t be opened', async () => {
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, 'close');
  const on = { storefrontOn: true, storefrontUrl: null, storefrontPort: port };
  const storefront = await openSwitch(shop, { ...on, storefrontUrl: 'ftp://example.com' });
  try {
    assert.equal(storefront.state(), 'failed');
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`), 'nothing listens');
    await storefront.change(on);
    assert.equal(storefront.state(), 'open');
    assert.equal((await post(storefront.shop())).status, 402);
  } finally {
    await storefront.close();
  }
});
