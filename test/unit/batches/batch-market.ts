/** Set-up of the tests of batches: real provider and gateway, fakes of engine, money and network, files in a folder. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readForm } from '../../../main/adapters/busboy/index.ts';
import { openBatchStore } from '../../../main/adapters/sqlite/index.ts';
import {
  addBatchRoutes,
  type Batches,
  createBatches,
  openBatchFolder,
} from '../../../main/core/batches/index.ts';
import type { BatchesParts } from '../../../main/core/batches/service.ts';
import type { GatewayOptions } from '../../../main/core/gateway/index.ts';
import { type Clock, systemClock } from '../../../main/ports/clock.ts';
import type { GenerateRequest } from '../../../main/ports/engine.ts';
import type { Network } from '../../../main/ports/network.ts';
import { textsOf } from '../../../shared/asked.ts';
import type { OfferedModel } from '../../../shared/offer.ts';
import { CHAT_PATH, KEPT_ANSWERS_PATH } from '../../../shared/wire.ts';
import { createFakeEngine, type FakeEngine } from '../../fakes/engine.ts';
import { createTestKeys } from '../../fakes/gateway-keys.ts';
import type { FakeJobs } from '../../fakes/jobs.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createFakeGateway, createFakeProvider, FAKE_LIFE, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { createFakePayer } from '../../fakes/payer.ts';

export const MODEL = OFFERED.id;

/** One line of a file; its answer repeats the content. */
export const chatLine = (customId: string, content: string, more: object = {}) => ({
  custom_id: customId,
  method: 'POST',
  url: CHAT_PATH,
  body: { model: MODEL, messages: [{ role: 'user', content }], max_tokens: 20, ...more },
});
export const fileOf = (lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

export interface MarketOptions {
  readonly clock?: Clock;
  /** Offered by the provider; a test may change the list. */
  readonly models?: OfferedModel[];
}

/** Nothing limits them. */
const OPEN_BATCHES = {
  readForm,
  bytesMax: () => 1_000_000_000,
  priceMax: () => null,
  isOpenNow: () => true,
  prepare: async () => undefined,
  isChargeOpen: () => false,
  askCharges: async () => undefined,
  changed: () => undefined,
} as const;

/** A provider, and a folder in which one buyer after another continues what the last one left. */
export async function openBatchMarket({ clock = systemClock, models = [OFFERED] }: MarketOptions = {}) {
  const { gate, ...gating } = engineGate();
  const hub = createFakeHub();
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-batches-'));
  const selling = await hub.createNetwork();
  await selling.start();
  const engine: FakeEngine = createFakeEngine({ loaded: FAKE_LIFE, answer: echo, beforeToken: gate });
  const provider = createFakeProvider(selling, {
    ...{ engine, clock, models },
    // The fake payment client asks for a lost charge without pauses.
    limits: { freePerPeerMax: Number.MAX_SAFE_INTEGER },
  });
  const buying = await hub.createNetwork();
  await buying.start();
  await buying.connect(selling.addresses()[0] ?? '');
  const closers: (() => Promise<unknown>)[] = [];
  /** The same for every buyer, as one database has them. */
  const keys = createTestKeys({ clock });
  /** The jobs of every buyer so far, as one database has them. */
  const lives: FakeJobs[] = [];
  const { breakable, ...breaking } = breakableNetwork(buying);

  /** Opens the buyer with its batches, as at a start of the agent. */
  async function openBuyer(
    options: Partial<BatchesParts> & { gateway?: Partial<GatewayOptions>; secret?: string } = {},
  ) {
    const store = openBatchStore(join(folder, 'batches.db'));
    const log = createRecordingLog();
    let batches: Batches | undefined;
    const { gateway: gatewayOptions, secret, ...more } = options;
    const gateway = await createFakeGateway(breakable, {
      ...{ clock, keys },
      // More channels than lines: a line that waits for one could not be stopped while the engine is held.
      payer: createFakePayer(8),
      ...gatewayOptions,
      addRoutes(app, buyer, keyIdOf) {
        batches = createBatches({
          ...{ ...OPEN_BATCHES, store, clock, buyer, log },
          folder: openBatchFolder(join(folder, 'files')),
          chargeOf: (id) => chargeOf(lives, id),
          ...more,
        });
        addBatchRoutes(app, batches, { assetId: 'test-asset', keyIdOf });
      },
    });
    lives.push(gateway.jobs);
    if (batches === undefined) throw new Error('the gateway adds its routes');
    const opened = batches;
    await gateway.directory.find(null);
    opened.start();
    async function close() {
      await opened.stop();
      await gateway.stop();
      store.close();
    }
    closers.push(() => close().catch(() => undefined));
    const client = clientOf(gateway.baseUrl, secret ?? gateway.key);
    return { ...gateway, ...client, ...{ store, log, close, batches: opened } };
  }

  return {
    ...{ provider, engine, openBuyer, folder },
    /** The engine makes no further token; resolves when it is at work on a line. */
    async hold() {
      gating.close();
      while (provider.service.active().length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    release: gating.open,
    ...breaking,
    async close() {
      for (const close of closers) await close();
      await buying.stop();
      await selling.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function chargeOf(lives: readonly FakeJobs[], id: string): bigint | null {
  const job = lives.flatMap((jobs) => jobs.all()).find((each) => each.id === id);
  return job?.charged == null ? null : BigInt(job.charged);
}

/** Stops the engine before its next token. */
function engineGate() {
  let closed = Promise.withResolvers<void>();
  closed.resolve();
  return {
    gate: () => closed.promise,
    open: () => closed.resolve(),
    close() {
      closed = Promise.withResolvers();
    },
  };
}

function breakableNetwork(network: Network) {
  const open = new Set<AbortController>();
  let collected = 0;
  let isLost = false;
  const breakable: Network = {
    ...network,
    async fetch(peer, path, init) {
      if (path.startsWith(KEPT_ANSWERS_PATH)) {
        collected += 1;
        if (isLost) return new Response(null, { status: 404 });
      }
      const connection = new AbortController();
      open.add(connection);
      const signal = AbortSignal.any([connection.signal, ...(init.signal ? [init.signal] : [])]);
      return network.fetch(peer, path, { ...init, signal });
    },
  };
  return {
    breakable,
    /** Breaks all connections between buyer and provider. */
    breakConnections() {
      for (const connection of open) connection.abort();
      open.clear();
    },
    /** The provider has no kept answer any more. */
    loseAnswers() {
      isLost = true;
    },
    /** Number of requests for kept answers. */
    collected: () => collected,
  };
}

/** The words of the last message. */
function* echo(request: GenerateRequest): Generator<string> {
  for (const word of (textsOf(request).at(-1) ?? '').split(' ')) yield `${word} `;
}

export interface BatchObject {
  readonly id: string;
  readonly status: string;
  readonly output_file_id: string | null;
  readonly error_file_id: string | null;
  readonly errors: {
    readonly data: readonly { readonly code: string; readonly line: number | null }[];
  } | null;
  readonly request_counts: { readonly total: number; readonly completed: number; readonly failed: number };
  readonly idlewatt: { readonly charged: string; readonly waiting_for: string | null };
}

export interface ResultLine {
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly body: Record<string, never> } | null;
  readonly error: { readonly code: string } | null;
  readonly idlewatt: { readonly charged: string | null; readonly jobs: readonly string[] };
}

export function clientOf(baseUrl: string, key: string) {
  const authorization = { authorization: `Bearer ${key}` };
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${baseUrl}${path}`, { ...init, headers: { ...authorization, ...init.headers } });
  const json = async <T>(response: Response): Promise<T> => (await response.json()) as T;

  async function upload(content: string | Blob, name = 'lines.jsonl', purpose = 'batch') {
    const form = new FormData();
    form.set('purpose', purpose);
    form.set('file', new Blob([content]), name);
    return call('/files', { method: 'POST', body: form });
  }
  async function post(path: string, body: object) {
    return call(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }
  async function begin(lines: readonly object[], endpoint = CHAT_PATH): Promise<BatchObject> {
    const { id } = await json<{ id: string }>(await upload(fileOf(lines)));
    const response = await post('/batches', { input_file_id: id, endpoint, completion_window: '24h' });
    if (response.status !== 200) throw new Error(await response.text());
    return json(response);
  }
  const find = async (id: string): Promise<BatchObject> => json(await call(`/batches/${id}`));
  /** Waits for a state; the test's own time limit ends it. */
  async function until(id: string, isReached: (batch: BatchObject) => boolean): Promise<BatchObject> {
    for (;;) {
      const batch = await find(id);
      if (isReached(batch)) return batch;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  async function results(fileId: string | null): Promise<readonly ResultLine[]> {
    if (fileId === null) return [];
    const text = await (await call(`/files/${fileId}/content`)).text();
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as ResultLine);
  }
  return { call, upload, post, begin, find, until, results };
}

export const isEnded = ({ status }: BatchObject) =>
  ['completed', 'failed', 'expired', 'cancelled'].includes(status);
