/**
 * A Horde on loopback for tests: a real HTTP server that answers as the real one was seen to, with its codes, its refusals
 * and its record of which job is whose.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HordeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

/** Replaces the next answer to a path; may leave it open. */
export type HordeOverride = (response: ServerResponse, request: HordeRequest) => void;

export interface FakeHorde {
  readonly url: string;
  readonly requests: readonly HordeRequest[];
  /** Requests to a path. */
  to(path: string): readonly HordeRequest[];
  /** Jobs that wait, as a pop has them. */
  readonly queue: object[];
  /** Reasons that a pop without a job names. */
  skipped: Record<string, unknown>;
  /** State of the jobs that were given out. */
  readonly jobs: ReadonlyMap<string, 'open' | 'ok' | 'faulted'>;
  /** Message of the worker's maintenance; null for none. */
  maintenance: string | null;
  /** Answers the next request to this path in another way. */
  override(path: string, answer: HordeOverride): void;
  /** Resolves when this many requests to the path were answered, those that were left open included. */
  answered(path: string, count: number): Promise<void>;
  close(): Promise<void>;
}

export const HORDE_KEY = 'a-registered-key';
export const ANONYMOUS_KEY = '0000000000';
export const POP = '/api/v2/generate/text/pop';
export const SUBMIT = '/api/v2/generate/text/submit';
const WORKER_ID = '00000000-0000-4000-8000-000000000001';
export const WORKER = `/api/v2/workers/${WORKER_ID}`;
export const REWARD = 12.345;

/** A job as the server was seen to give it out. */
export function hordeJob(id: string, model: string, payload: object = {}, more: object = {}): object {
  return {
    payload: {
      prompt: 'Once upon a time',
      ...{ max_length: 32, max_context_length: 1_024, n: 1, temperature: 0.7, top_p: 0.9, top_k: 40 },
      ...{ min_p: 0.05, rep_pen: 1.1, rep_pen_range: 256, sampler_order: [6, 0, 1, 3, 4, 2, 5] },
      ...{ stop_sequence: ['\n\n'], use_default_badwordsids: false },
      ...payload,
    },
    ...{ id, ids: [id], skipped: {}, ttl: 150, model, softprompt: null, extra_source_images: [] },
    ...more,
  };
}

export function reply(status: number, body: unknown, headers: Record<string, string> = {}): HordeOverride {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** Answers as the real server was seen to. */
function usualAnswers(
  horde: Pick<FakeHorde, 'queue' | 'skipped' | 'maintenance'>,
  jobs: Map<string, 'open' | 'ok' | 'faulted'>,
): (request: HordeRequest) => HordeOverride {
  function usual(request: HordeRequest): HordeOverride {
    const { path, method, body, headers } = request;
    if (headers.apikey === ANONYMOUS_KEY)
      return reply(403, { message: 'Anonymous users may not work.', rc: 'AnonForbiddenWorker' });
    if (headers.apikey !== HORDE_KEY)
      return reply(401, { message: 'No user matching sent API Key.', rc: 'InvalidAPIKey' });
    if (method === 'POST' && path === POP) return pop(body);
    if (method === 'POST' && path === SUBMIT) return submit(body);
    if (method === 'GET' && path.startsWith('/api/v2/workers/name/')) return reply(200, { id: WORKER_ID });
    if (method === 'PUT' && path === WORKER) {
      horde.maintenance = body.maintenance === true ? String(body.maintenance_msg) : null;
      return reply(200, { maintenance: body.maintenance, maintenance_msg: body.maintenance_msg });
    }
    return reply(404, { message: 'Not found', rc: 'NotFound' });
  }

  function pop(body: HordeRequest['body']): HordeOverride {
    if (!Array.isArray(body.models) || body.models.length === 0)
      return reply(400, { message: 'No models', rc: 'BadRequest' });
    const next = horde.queue.shift();
    if (next !== undefined) {
      const { id } = next as { id?: unknown };
      if (typeof id === 'string') jobs.set(id, 'open');
      return reply(200, next);
    }
    if (horde.maintenance !== null)
      return reply(403, { message: horde.maintenance, rc: 'WorkerMaintenance' });
    return reply(200, { id: null, ids: [], skipped: horde.skipped, messages: [] });
  }

  function submit(body: HordeRequest['body']): HordeOverride {
    const id = String(body.id);
    const state = jobs.get(id);
    if (state === undefined) return reply(404, { message: 'No such job', rc: 'InvalidJobID' });
    if (state === 'ok') return reply(400, { message: 'Already submitted', rc: 'DuplicateGen' });
    if (state === 'faulted') return reply(400, { message: 'Aborted', rc: 'AbortedGen' });
    jobs.set(id, body.state === 'ok' ? 'ok' : 'faulted');
    return reply(200, { reward: body.state === 'ok' ? REWARD : 0 });
  }

  return usual;
}

export async function startFakeHorde(): Promise<FakeHorde> {
  const requests: HordeRequest[] = [];
  const jobs = new Map<string, 'open' | 'ok' | 'faulted'>();
  const overrides = new Map<string, HordeOverride[]>();
  const watchers: (() => void)[] = [];
  const counts = new Map<string, number>();
  const horde = {
    queue: [] as object[],
    skipped: {} as Record<string, unknown>,
    maintenance: null as string | null,
  };

  const usual = usualAnswers(horde, jobs);
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const { method = '', url = '', headers } = incoming;
      const path = decodeURIComponent(url);
      const request = { method, path, headers, body: text === '' ? {} : JSON.parse(text) };
      requests.push(request);
      const override = overrides.get(path)?.shift();
      (override ?? usual(request))(response, request);
      counts.set(path, (counts.get(path) ?? 0) + 1);
      for (const watch of watchers.splice(0)) watch();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(horde, {
    ...{ url: `http://127.0.0.1:${port}`, requests, jobs },
    to: (path: string) => requests.filter((request) => request.path === path),
    override(path: string, answer: HordeOverride) {
      overrides.set(path, [...(overrides.get(path) ?? []), answer]);
    },
    async answered(path: string, count: number) {
      while ((counts.get(path) ?? 0) < count) await new Promise<void>((resolve) => watchers.push(resolve));
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** Leaves a request open: the confirmation never arrives. */
export function takeSilently(): HordeOverride {
  return () => undefined;
}
