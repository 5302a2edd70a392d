/**
 * Speaks the HTTP API of the AI Horde, version 2. Each call has a deadline and reads a bounded answer; no redirect is
 * followed, because the key would go along.
 */
import { z } from 'zod';
import { checkShape } from '../../../shared/check-shape.ts';
import { HORDE_MESSAGE_CHARACTERS_MAX } from '../../../shared/horde.ts';
import { parseJson } from '../../../shared/json.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  HORDE_AGENT,
  type HordeCause,
  type HordeFailure,
  type HordePopAnswer,
  type HordeServer,
} from '../../ports/horde.ts';
import { readText } from '../../ports/read-text.ts';
import { idSchema, jobSchema, noneSchema, refusalSchema, submittedSchema, workerSchema } from './shapes.ts';

export interface HordeServerOptions {
  /** Without a final slash. */
  readonly url: string;
  readonly key: string;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
}

const CALL_MS_MAX = 20_000;
const ANSWER_CHARACTERS_MAX = 4 * 1024 * 1024;
/** Used where the server names none. */
const TTL_S_DEFAULT = 150;
const RETRY_AFTER_S_MAX = 3_600;

const CAUSES: Readonly<Record<string, HordeCause>> = {
  InvalidAPIKey: 'key-refused',
  AnonForbiddenWorker: 'anonymous',
  AnonForbidden: 'anonymous',
  WorkerMaintenance: 'maintenance',
  DuplicateGen: 'duplicate',
  AbortedGen: 'gone',
  InvalidJobID: 'gone',
  WrongCredentials: 'refused',
};

interface Reply {
  readonly kind: 'reply';
  readonly status: number;
  readonly json: unknown;
  readonly retryAfterMs: number | null;
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: object;
  readonly signal: AbortSignal;
}

export function createHordeServer(options: HordeServerOptions): HordeServer {
  const workerIds = new Map<string, string>();
  const ask = (call: Call) => send(options, call);

  async function workerId(name: string, signal: AbortSignal): Promise<string | HordeFailure> {
    const known = workerIds.get(name);
    if (known !== undefined) return known;
    const path = `/api/v2/workers/name/${encodeURIComponent(name)}`;
    const worker = await read(ask({ method: 'GET', path, signal }), workerSchema);
    if ('kind' in worker) return worker;
    workerIds.set(name, worker.id);
    return worker.id;
  }

  return {
    async pop({ workerName, models, answerTokensMax, contextTokensMax, nsfw }, signal) {
      const body = {
        name: workerName,
        models: [...models],
        max_length: answerTokensMax,
        max_context_length: contextTokensMax,
        nsfw,
        ...{ softprompts: [], priority_usernames: [], threads: 1, amount: 1, require_upfront_kudos: false },
        bridge_agent: HORDE_AGENT,
      };
      return popAnswer(await ask({ method: 'POST', path: '/api/v2/generate/text/pop', body, signal }));
    },
    async submit(id, result, signal) {
      const body =
        result.state === 'ok'
          ? { id, generation: result.text, state: result.state, seed: result.seed, gen_metadata: [] }
          : { id, generation: '', state: result.state, seed: 0, gen_metadata: [] };
      const path = '/api/v2/generate/text/submit';
      const taken = await read(ask({ method: 'POST', path, body, signal }), submittedSchema);
      return 'kind' in taken ? taken : { kind: 'taken', reward: taken.reward };
    },
    async setMaintenance(workerName, message, signal) {
      const id = await workerId(workerName, signal);
      if (typeof id !== 'string') return id;
      const body = { maintenance: message !== null, ...(message !== null && { maintenance_msg: message }) };
      const path = `/api/v2/workers/${encodeURIComponent(id)}`;
      const done = await read(ask({ method: 'PUT', path, body, signal }), z.object({}));
      if (!('kind' in done)) return { kind: 'done' };
      // The worker may have been deleted there, and has another ID then.
      workerIds.delete(workerName);
      return done as HordeFailure;
    },
  };
}

function popAnswer(reply: Reply | HordeFailure): HordePopAnswer {
  if (reply.kind === 'failed') return reply;
  const { json } = reply;
  const none = checkShape(noneSchema, json);
  if (none.success) return { kind: 'none', skipped: countsOf(none.data.skipped ?? {}) };
  const job = checkShape(jobSchema, json);
  if (!job.success) {
    const id = checkShape(z.object({ id: idSchema }), json);
    return id.success ? { kind: 'unreadable', id: id.data.id } : malformed();
  }
  const { id, model, ttl, payload } = job.data;
  return {
    kind: 'job',
    job: {
      ...{ id, model, ttlMs: (ttl ?? TTL_S_DEFAULT) * 1_000 },
      prompt: payload.prompt,
      answerTokens: payload.max_length,
      temperature: payload.temperature,
      topP: payload.top_p,
      topK: payload.top_k,
      minP: payload.min_p,
      repeatPenalty: payload.rep_pen,
      stop: (payload.stop_sequence ?? []).filter((text) => text !== ''),
    },
  };
}

function countsOf(skipped: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> {
  const counts = Object.entries(skipped).filter(
    (entry): entry is [string, number] => Number.isSafeInteger(entry[1]) && Number(entry[1]) > 0,
  );
  return Object.fromEntries(counts);
}

async function read<T extends object>(
  asked: Promise<Reply | HordeFailure>,
  schema: z.ZodType<T>,
): Promise<T | HordeFailure> {
  const reply = await asked;
  if (reply.kind === 'failed') return reply;
  const parsed = checkShape(schema, reply.json);
  return parsed.success ? parsed.data : malformed();
}

/** Rejects only if the caller's signal aborts. */
async function send(options: HordeServerOptions, call: Call): Promise<Reply | HordeFailure> {
  const { url, key, fetch, clock } = options;
  const late = new AbortController();
  const timer = clock.after(CALL_MS_MAX, () => late.abort());
  try {
    const response = await fetch(`${url}${call.path}`, {
      method: call.method,
      signal: AbortSignal.any([call.signal, late.signal]),
      redirect: 'error',
      credentials: 'omit',
      headers: {
        apikey: key,
        'client-agent': HORDE_AGENT,
        accept: 'application/json',
        ...(call.body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
    });
    const { text, isComplete } = await readText(response, ANSWER_CHARACTERS_MAX);
    const json = isComplete ? parse(text) : undefined;
    const retryAfterMs = retryAfter(response.headers.get('retry-after'));
    if (response.status !== 200) return failureOf(response.status, json, retryAfterMs);
    return json === undefined ? malformed() : { kind: 'reply', status: 200, json, retryAfterMs };
  } catch (error) {
    if (call.signal.aborted) throw error;
    return { kind: 'failed', cause: 'unreachable', message: null, retryAfterMs: null };
  } finally {
    timer.cancel();
  }
}

function failureOf(status: number, json: unknown, retryAfterMs: number | null): HordeFailure {
  const parsed = checkShape(refusalSchema, json);
  const { rc = null, message = null } = parsed.success ? parsed.data : {};
  return { kind: 'failed', cause: causeOf(status, rc), message: shown(message), retryAfterMs };
}

function causeOf(status: number, rc: string | null): HordeCause {
  if (status === 429) return 'limited';
  if (status >= 500) return 'unreachable';
  const known = rc !== null && Object.hasOwn(CAUSES, rc) ? CAUSES[rc] : undefined;
  if (known !== undefined) return known;
  return status === 401 ? 'key-refused' : status === 404 ? 'gone' : 'refused';
}

/** One line without control characters. */
function shown(message: string | null): string | null {
  const line = message?.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim() ?? '';
  return line === '' ? null : line.slice(0, HORDE_MESSAGE_CHARACTERS_MAX);
}

function retryAfter(header: string | null): number | null {
  if (header === null || !/^\d{1,6}$/.test(header)) return null;
  return Math.min(Number(header), RETRY_AFTER_S_MAX) * 1_000;
}

function malformed(): HordeFailure {
  return { kind: 'failed', cause: 'malformed', message: null, retryAfterMs: null };
}

/** Undefined for a text that isn't JSON, or too deep. */
function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
