/**
 * Verifies: the owner turns the gateway off and its port is closed, also over restarts; answers in progress are finished;
 *   the port is the same after a restart, and one that another program took is reported.
 * Setup: real HTTP servers and clients on loopback, real settings on a store in memory.
 * Fails if: a client gets through while the gateway is off, or keeps a connection for later; an answer is cut off; the
 *   port changes without need; a taken port ends the agent or looks open.
 */
import assert from 'node:assert/strict';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openGatewayPort } from '../../../main/agent/gateway-port.ts';
import { createSettings } from '../../../main/core/settings/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

type Surroundings = Parameters<typeof openGatewayPort>[0];

/** Opens the port as an agent does; `stop` is its end. `shown` resolves when pages are notified next. */
async function start(
  records = createMemoryRecordStore(),
  { gatewayPort = 0, answer = async () => new Response('here') } = {},
) {
  const settings = createSettings({ records, defaults: DEFAULT_SETTINGS });
  const closers: (() => void | Promise<void>)[] = [];
  let shown = Promise.withResolvers<void>();
  const surroundings = {
    config: { gatewayPort },
    log: createRecordingLog(),
    onClose: (close: () => void | Promise<void>) => void closers.push(close),
    changed() {
      shown.resolve();
      shown = Promise.withResolvers();
    },
  } as unknown as Surroundings;
  const port = await openGatewayPort(surroundings, { records, settings }, { fetch: answer });
  return {
    records,
    port,
    number: Number(new URL(port.baseUrl).port),
    async turn(gatewayOn: boolean) {
      const next = shown.promise;
      settings.change({ gatewayOn });
      await next;
    },
    async stop() {
      for (const close of closers.reverse()) await close();
    },
  };
}

function ask(port: number, agent?: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: agent ?? false }, resolve).on('error', reject);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of response) text += String(piece);
  return text;
}

const isRefused = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';

test('clients are refused while the gateway is off, also after a restart, and get through when it is on again', async () => {
  const first = await start();
  assert.equal(await textOf(await ask(first.number)), 'here');
  await first.turn(false);
  assert.equal(first.port.state(), 'closed');
  await assert.rejects(ask(first.number), isRefused);
  await first.stop();

  const second = await start(first.records);
  assert.deepEqual([second.number, second.port.state()], [first.number, 'closed']);
  await assert.rejects(ask(second.number), isRefused);
  await second.turn(true);
  assert.equal(second.port.state(), 'open');
  assert.equal(await textOf(await ask(second.number)), 'here');
  await second.stop();
});

// An idle connection ends after a minute in any case.
test('an answer in progress is finished, and then its connection ends', { timeout: 20_000 }, async () => {
  const { promise: rest, resolve: finish } = Promise.withResolvers<void>();
  const answer = async () => {
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode('begun, '));
        await rest;
        controller.enqueue(new TextEncoder().encode('finished'));
        controller.close();
      },
    });
    return new Response(body);
  };
  const { turn, number, stop } = await start(createMemoryRecordStore(), { answer });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const response = await ask(number, agent);
  const closed = new Promise((resolve) => response.socket.once('close', resolve));
  await turn(false);
  finish();
  assert.equal(await textOf(response), 'begun, finished');
  await closed;
  await assert.rejects(ask(number, agent), isRefused);
  agent.destroy();
  await stop();
});

test('a port that another program took is reported where the owner turns the gateway on, and otherwise replaced', async () => {
  const first = await start();
  await first.turn(false);
  const other = createServer().listen(first.number, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  await first.turn(true);
  assert.equal(first.port.state(), 'in-use');
  await first.turn(false);
  assert.equal(first.port.state(), 'closed');
  await first.stop();
  const off = await start(first.records);
  assert.deepEqual([off.number, off.port.state()], [first.number, 'closed'], 'it isn’t opened while off');
  await off.stop();

  const records = createMemoryRecordStore(first.records.snapshot());
  records.delete('settings', 'owner');
  const second = await start(records);
  assert.equal(second.port.state(), 'open');
  assert.notEqual(second.number, first.number);
  const third = await start(records);
  assert.notEqual(third.number, second.number, 'the second one runs');
  await third.stop();
  await second.stop();
  const gatewayPort = (other.address() as AddressInfo).port;
  await assert.rejects(start(createMemoryRecordStore(), { gatewayPort }), (error) =>
    isAppError(error, 'port-in-use'),
  );
  other.close();
});
