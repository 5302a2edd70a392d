/**
 * Verifies: real agents of the profile open find each other behind different routers, with nothing in common but the address of
 * one public node.
 * Setup: the real programs in the network of the lab: a relay with a public address, a provider and a buyer at home behind two
 * masquerading routers. Nothing is bought: the profile's chain is unreachable here, and a purchase fails with that reason.
 * Fails if: the provider announces nothing or reserves no place, the gateway searches nothing, an agent doesn't start while
 * its chain is unavailable, or a new price isn't gossiped.
 * Lab: a network of four machines with routers.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { type Host, type Lab, openLab } from '../lab/lab.ts';
import type { FromMarketAgent, ToMarketAgent } from './market-agent.ts';

const PROGRAM = join(import.meta.dirname, 'market-agent.ts');
const LAB_MS_MAX = 150_000;
const REPRICED_MS_MAX = 15_000;
const children: ChildProcess[] = [];
let lab: Lab | null = null;

after(async () => {
  // An agent of its own belongs to each.
  await Promise.all(
    children.map(async (child) => {
      if (!child.connected) return;
      child.disconnect();
      await once(child, 'exit');
    }),
  );
  await lab?.close();
});

function start(open: Lab, host: Host, parameters: readonly string[]) {
  const child = open.start(host, PROGRAM, parameters);
  children.push(child);
  const report = <Type extends FromMarketAgent['type']>(type: Type) =>
    new Promise<Extract<FromMarketAgent, { type: Type }>>((resolve, reject) => {
      child.on('message', (message: FromMarketAgent) => {
        if (message.type === type) resolve(message as Extract<FromMarketAgent, { type: Type }>);
      });
      child.once('exit', (code) => reject(new Error(`The program at ${host} ended with ${code}`)));
    });
  return { child, report };
}

// Three agents start one after the other, one of them with an engine.
test('a buyer lists the model of a provider that nobody named, behind another router, and soon its new price', {
  timeout: LAB_MS_MAX,
}, async () => {
  lab = await openLab();
  const address = '/tcp/4001';
  const { addresses } = await start(lab, 'relay', [
    ...['relay', '--role', 'relay', '--listen', `/ip4/0.0.0.0${address}`],
    ...['--announce', `/ip4/45.0.0.20${address}`],
  ]).report('ready');
  const bootstrap = ['--bootstrap', addresses[0] ?? ''];
  const provider = start(lab, 'p', ['provider', ...bootstrap]);
  await provider.report('ready');
  const buyer = start(lab, 'r', ['buyer', ...bootstrap]);
  const { models, code } = await buyer.report('listed');
  assert.deepEqual(models, [TINY_MODEL_ID]);
  assert.equal(code, 'chain-unavailable');

  // From the first purchase on, the buyer listens to changes of the model; otherwise it asks once a minute.
  const price: ToMarketAgent = { inputPerMillion: '31000' };
  const repriced = buyer.report('repriced');
  for (const { child } of [buyer, provider]) child.send(price);
  assert.ok((await repriced).tookMs < REPRICED_MS_MAX);
});
