/**
 * Verifies: expected failures reach a caller with their code and sentence; unexpected ones are logged and reach it
 * as an incident ID only; a page can't call the shell's procedures.
 * Setup: the real router behind a message channel, as pages use it; with only the parts that a test calls.
 * Fails if: the message of a bug reaches a page, an incident isn't in the log, a stream's failure is lost.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { ContractRouterClient } from '@orpc/contract';
import { RPCHandler } from '@orpc/server/message-port';
import { type ApiParts, createRouter } from '../../../main/api/router.ts';
import { createStateHub } from '../../../main/api/state-hub.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import type { Contract } from '../../../shared/api/contract.ts';
import { type ApiFailure, decodeApiError } from '../../../shared/api/errors.ts';
import { AppError } from '../../../shared/errors.ts';
import type { PortRole } from '../../../shared/host.ts';
import { createRecordingLog, type RecordingLog } from '../../fakes/log.ts';

interface Connection {
  readonly api: ContractRouterClient<Contract>;
  readonly log: RecordingLog;
}

async function connected(
  parts: { [Part in keyof ApiParts]?: unknown },
  use: (connection: Connection) => Promise<void>,
  role: PortRole = 'page',
): Promise<void> {
  const log = createRecordingLog();
  const { port1, port2 } = new MessageChannel();
  new RPCHandler(createRouter({ ...parts, log } as ApiParts)).upgrade(port1, { context: { role } });
  port1.start();
  port2.start();
  try {
    await use({ api: createORPCClient(new RPCLink({ port: port2 })), log });
  } finally {
    port1.close();
    port2.close();
  }
}

async function failureOf(call: Promise<unknown>): Promise<ApiFailure | null> {
  try {
    await call;
  } catch (error) {
    return decodeApiError(error);
  }
  throw new Error('the call did not fail');
}

test('an expected failure keeps its code and sentence, and is not logged', async () => {
  const jobs = {
    show: () => {
      throw new AppError('not-found', 'Job "a" not found.');
    },
  };
  await connected({ jobs }, async ({ api, log }) => {
    assert.deepEqual(await failureOf(api.jobs.show({ id: 'a' })), {
      code: 'not-found',
      incident: null,
      message: 'Job "a" not found.',
      isForPeople: true,
    });
    assert.deepEqual(log.lines, []);
  });
});

test('an unexpected failure is logged, and the caller gets only its incident ID', async () => {
  const bug = new Error('a secret detail');
  const jobs = {
    show: () => {
      throw bug;
    },
  };
  await connected({ jobs }, async ({ api, log }) => {
    const failure = await failureOf(api.jobs.show({ id: 'a' }));
    const [line] = log.lines;
    assert.equal(line?.error, bug);
    assert.deepEqual(line?.fields, { procedure: 'jobs.show' });
    assert.equal(failure?.incident, line?.incident);
    assert.equal(failure?.code, null);
    assert.match(failure?.message ?? '', new RegExp(`^Internal error \\(incident ${line?.incident}\\)\\.`));
    assert.ok(!JSON.stringify(failure).includes('a secret detail'));
  });
});

test('a stream that fails on its way names an incident, too', async () => {
  const bug = new Error('a reader is broken');
  const readers = new Proxy({} as Parameters<typeof createStateHub>[0]['readers'], {
    ownKeys: () => ['app'],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    get: () => () => {
      throw bug;
    },
  });
  const hub = createStateHub({ readers, clock: systemClock });
  const history = { warm: () => undefined };
  await connected({ hub, history }, async ({ api, log }) => {
    const failure = await failureOf(
      (async () => {
        for await (const update of await api.state.watch()) void update;
      })(),
    );
    assert.equal(log.lines[0]?.error, bug);
    assert.deepEqual(log.lines[0]?.fields, { procedure: 'state.watch' });
    assert.equal(failure?.incident, log.lines[0]?.incident);
  });
});

test('a result that breaks the contract is an incident, input that breaks it a bad request', async () => {
  const jobs = { list: () => ({ jobs: [{ id: 7 }], more: false }) };
  await connected({ jobs }, async ({ api, log }) => {
    const failure = await failureOf(api.jobs.list({ limit: 5 }));
    assert.equal(failure?.incident, log.lines[0]?.incident);
    assert.equal(log.lines.length, 1);
    const rejected = await failureOf(api.jobs.list({ limit: -5 }));
    assert.deepEqual(
      [rejected?.code, rejected?.incident, rejected?.isForPeople],
      ['bad-request', null, false],
    );
    assert.equal(log.lines.length, 1);
  });
});

test('a page may not call the shell, which may', async () => {
  const confirmations = { waiting: () => [] };
  await connected({ confirmations }, async ({ api }) => {
    assert.equal((await failureOf(api.shell.pendingSpends({})))?.code, 'not-permitted');
  });
  await connected(
    { confirmations },
    async ({ api }) => assert.deepEqual(await api.shell.pendingSpends({}), { spends: [] }),
    'shell',
  );
});

test('a page may credit a customer only if the owner confirms it, and not record a repayment', async () => {
  const paid: unknown[] = [];
  const payouts = { paidBack: (...given: unknown[]) => void paid.push(given) };
  const customer = {
    ...{ id: '0011223344556677', name: 'Ada', createdAtMs: 1 },
    ...{ isRevoked: false, balance: '5', charged: '0' },
  };
  const customers = {
    account: (id: string) => `key:${id}`,
    nameOf: () => 'Ada',
    credit(...given: unknown[]) {
      paid.push(given);
      return customer;
    },
  };
  const asset = { id: 'a/b', symbol: 'USDC', decimals: 6, practice: true };
  const storefront = () => ({ payouts, customers, asset });
  const questions: unknown[] = [];
  const answers = [false, true];
  const shell = {
    async confirm(...question: unknown[]) {
      questions.push(question);
      if (!answers.shift()) throw new AppError('not-permitted', 'You declined.');
    },
  };
  const asked = { id: '0011223344556677', amount: '5' };
  await connected({ storefront, shell }, async ({ api }) => {
    assert.equal((await failureOf(api.shell.customerPaidBack(asked)))?.code, 'not-permitted');
    assert.equal((await failureOf(api.shell.customerCredit(asked)))?.code, 'not-permitted');
    assert.equal((await failureOf(api.storefront.credit(asked)))?.code, 'not-permitted');
    assert.deepEqual(paid, []);
    assert.deepEqual((await api.storefront.credit(asked)).customer, customer);
  });
  assert.deepEqual(questions[1], [
    { about: 'credit', customer: 'Ada', asset, amount: '5' },
    'customers credit 0011223344556677 0.000005',
  ]);
  assert.deepEqual(paid.splice(0), [['0011223344556677', 5n]]);
  await connected(
    { storefront },
    async ({ api }) => {
      assert.deepEqual(await api.shell.customerPaidBack(asked), {});
      assert.ok(await api.shell.customerCredit(asked));
    },
    'shell',
  );
  assert.deepEqual(paid, [
    ['key:0011223344556677', 5n],
    ['0011223344556677', 5n],
  ]);
});

test('an error that did not come from the agent is no failure of the API', () => {
  assert.equal(decodeApiError(new Error('the connection broke')), null);
});

test('an export arrives in pieces, one at a time, within its days', async () => {
  const asked: unknown[] = [];
  /** The second export has been requested. */
  const second = Promise.withResolvers<void>();
  const history = {
    async *export(request: unknown) {
      asked.push(request);
      for (let piece = 0; piece < 5; piece += 1) {
        yield 'x'.repeat(60_000);
        if (piece === 0) await second.promise;
      }
    },
  };
  const calendar = createCalendar('UTC');
  await connected({ history, calendar }, async ({ api, log }) => {
    const pieces = await api.earnings.export({ format: 'koinly', from: '2026-11-01', to: '2026-11-02' });
    const first = await pieces.next();
    assert.equal(
      (await failureOf(readAll(await api.earnings.export({ format: 'csv', from: null, to: null }))))?.code,
      'busy',
    );
    second.resolve();
    const rest = await readAll(pieces);
    assert.equal(rest.length, 4);
    assert.equal([first.value as string, ...rest].join('').length, 300_000);
    assert.deepEqual(asked, [
      { format: 'koinly', fromMs: Date.UTC(2026, 10, 1), toMs: Date.UTC(2026, 10, 3) },
    ]);
    const again = await api.earnings.export({ format: 'csv', from: null, to: null });
    assert.equal((await readAll(again)).join('').length, 300_000);
    const wrong = await failureOf(
      readAll(await api.earnings.export({ format: 'csv', from: '2026-02-30', to: null })),
    );
    assert.equal(wrong?.code, 'bad-request');
    assert.deepEqual(log.lines, []);
  });
});

async function readAll(stream: AsyncIterable<string>): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}
