/** Buys the lines of batches: whole answers, stored before they are paid, and collected again after an interruption. */
import type { AnswerEnd } from '../../../shared/answer-format.ts';
import type { AnswerPiece } from '../../../shared/answer-pieces.ts';
import { type AskedCompletion, answerTokensMax } from '../../../shared/asked.ts';
import { LINES_WAITING_MAX } from '../../../shared/batches.ts';
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { type Receipt, receiptSchema } from '../../../shared/offer.ts';
import { createAnswerFormat, fingerprintOf, usage } from '../../../shared/openai-answer.ts';
import { toOpenAiError } from '../../../shared/openai-errors.ts';
import type { Price } from '../../../shared/price.ts';
import {
  BATCH_JOB_HEADER,
  BATCH_KEY_HEADER,
  BATCH_TAKEN_HEADER,
  KEPT_ANSWERS_PATH,
} from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Network, VerifySigned } from '../../ports/network.ts';
import { readText } from '../../ports/read-text.ts';
import type { Budget } from '../budget/index.ts';
import type { GatewayKeys } from '../gateway-keys/index.ts';
import type { Directory } from '../network/index.ts';
import { PAID_ENDPOINTS, type ReportUnexpected } from '../openai-http/index.ts';
import { type Answer, beginAnswer } from './answer.ts';
import type { Availability } from './availability.ts';
import { checkVectors } from './http-answer.ts';
import { asFailure } from './provider-errors.ts';
import type { ProviderSearch } from './provider-search.ts';
import { openConnection } from './purchase-connection.ts';
import { type AnswerBounds, answerBounds, ResponseReader } from './response-reader.ts';

/** A line's request, as its file has it. */
export interface LineRequest {
  /** One of the paths for batches. */
  readonly path: string;
  readonly body: unknown;
}

/** An answer as the endpoint returns it. */
export type LineBody = Readonly<Record<string, unknown>>;

export interface LinePurchase extends LineRequest {
  /** The key whose budget it counts for; null: the owner's alone. */
  readonly keyId: string | null;
  /** The highest price; null: that of live requests. */
  readonly priceMax: Partial<Price> | null;
  /** Stores the job that is about to be sent, and the pieces that earlier jobs of this answer have delivered. */
  readonly onSending: (
    job: { readonly id: string; readonly peer: string },
    begun: readonly AnswerPiece[],
  ) => Promise<void>;
  /** Stores the whole answer; only then it is paid. */
  readonly onAnswer: (body: LineBody) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Known facts of a line that was sent and whose answer didn't arrive. */
export interface SentLine extends LineRequest {
  readonly jobId: string;
  readonly peer: string;
  readonly begun: readonly AnswerPiece[];
  readonly signal: AbortSignal;
}

export type Collected =
  | { readonly kind: 'answer'; readonly body: LineBody; readonly charged: bigint | null }
  /** The provider ended it early, and may have charged for the beginning. */
  | { readonly kind: 'incomplete'; readonly charged: bigint | null }
  /** The provider doesn't have it. */
  | { readonly kind: 'gone' };

export interface LineBuyer {
  /** Fails with an AppError; the answer is paid or its charge is being learned then, as with live requests. */
  buy(purchase: LinePurchase): Promise<void>;
  /** Collects an answer from the provider that was asked for it. Fails with `peer-unreachable` or `busy`. */
  collect(sent: SentLine): Promise<Collected>;
  /** Notes that an answer is stored here: the next request tells its provider to delete it. */
  stored(job: { readonly id: string; readonly peer: string }): void;
  /** Fails with `bad-request` for a body that no provider would take. */
  check(request: LineRequest): void;
  /** The lines of this model that can be computed now, without those that live requests of this gateway need. */
  places(model: string): number;
  /** Queries all peers for this model unless a provider is known. */
  seek(model: string): Promise<void>;
  /** Status and body of a failure, as the endpoint returns them. */
  failureOf(error: unknown): { readonly status: number; readonly body: LineBody };
}

export interface LineBuyerParts {
  readonly search: ProviderSearch;
  readonly clock: Clock;
  readonly network: Pick<Network, 'fetch'>;
  readonly verifySigned: VerifySigned;
  readonly directory: Directory;
  readonly availability: Pick<Availability, 'taken'>;
  readonly budget: Pick<Budget, 'openRequest'>;
  readonly keys: Pick<GatewayKeys, 'useLater'>;
  readonly checkRecordable: () => void;
  /** The key with which a job's provider encrypts its answer on disk, as 32 bytes in base64url. Always the same for a job. */
  readonly answerKey: (jobId: string) => string;
  readonly onUnexpected: ReportUnexpected;
}

/** A pause of the provider in the middle of an answer: longer than most owners' interruptions. */
const PAUSE_MS_MAX = 600_000;
/** Until the first event of a kept answer, and between two of its events. */
const COLLECT_SILENCE_MS = 60_000;
const ERROR_CHARACTERS_MAX = 4_096;
/** Stored answers that one request names; what is beyond is deleted by its provider in time. */
const STORED_MAX = 32;

export function createLineBuyer(parts: LineBuyerParts): LineBuyer {
  const { search, clock, budget, directory, availability, onUnexpected } = parts;
  /** Stored answers that no request to their provider has named yet, by peer. */
  const stored = new Map<string, string[]>();

  function headersFor({ id, peer }: { readonly id: string; readonly peer: string }): Record<string, string> {
    const taken = stored.get(peer)?.join(' ');
    stored.delete(peer);
    return {
      [BATCH_JOB_HEADER]: id,
      [BATCH_KEY_HEADER]: parts.answerKey(id),
      ...(taken !== undefined && { [BATCH_TAKEN_HEADER]: taken }),
    };
  }

  return {
    async buy({ keyId, priceMax, onSending, onAnswer, signal, ...request }) {
      parts.checkRecordable();
      const asked = readLine(request);
      const pieces: AnswerPiece[] = [];
      const ownBudget = budget.openRequest(priceMax);
      const use = keyId === null ? null : parts.keys.useLater(keyId);
      const answer = await beginAnswer(
        { search, clock },
        {
          asked,
          onPause: { kind: 'wait', waitMsMax: PAUSE_MS_MAX },
          budget: use?.within(ownBudget) ?? ownBudget,
          apiKey: use?.key ?? null,
          opinionsFrom: priceMax === null && !use?.hasBudget ? 'known' : 'nobody',
          requester: signal,
          async onSending(job) {
            await onSending(job, pieces);
            return headersFor(job);
          },
        },
      );
      await takeAnswer(answer, { asked, pieces, clock, onAnswer });
    },
    collect: (sent) => collect(parts, sent),
    stored({ id, peer }) {
      const ids = stored.get(peer) ?? [];
      stored.set(peer, ids);
      if (ids.length < STORED_MAX) ids.push(id);
    },
    check: (request) => void readLine(request),
    places(model) {
      const selling = directory
        .providers()
        .filter(({ offer }) => offer.models.some(({ id }) => id === model));
      const slots = selling.reduce((sum, { offer }) => sum + offer.slots + LINES_WAITING_MAX, 0);
      return Math.max(0, slots - availability.taken());
    },
    async seek(model) {
      await directory.find(model);
    },
    failureOf(error) {
      const { status, body } = toOpenAiError(error, isAppError(error) ? null : onUnexpected(error));
      return { status, body };
    },
  };
}

function readLine({ path, body }: LineRequest): AskedCompletion {
  const endpoint = PAID_ENDPOINTS.find((each) => each.path === path);
  if (!endpoint) throw new AppError('bad-request', `Batches don’t have the endpoint ${path}.`);
  const asked = endpoint.read(body);
  if (asked.stream) {
    throw new AppError('bad-request', 'Invalid "stream": must be false in a batch.', {
      details: { param: 'stream', code: 'invalid_value' },
    });
  }
  return asked;
}

async function takeAnswer(
  answer: Answer,
  {
    asked,
    pieces,
    clock,
    onAnswer,
  }: {
    readonly asked: AskedCompletion;
    readonly pieces: AnswerPiece[];
    readonly clock: Clock;
    readonly onAnswer: LinePurchase['onAnswer'];
  },
): Promise<void> {
  try {
    for (;;) {
      const batch = await answer.next();
      pieces.push(...batch.pieces);
      if (!batch.end) continue;
      const head = { asked, jobId: answer.jobId, createdAtMs: clock.now(), sha256: answer.sha256 };
      await onAnswer(wholeBody(head, pieces, batch.end));
      break;
    }
  } catch (error) {
    await answer.conclude(asFailure(error));
    throw error;
  }
  await answer.conclude();
}

function wholeBody(
  {
    asked,
    jobId,
    createdAtMs,
    sha256,
  }: {
    readonly asked: AskedCompletion;
    readonly jobId: string;
    readonly createdAtMs: number;
    readonly sha256: string;
  },
  pieces: readonly AnswerPiece[],
  end: AnswerEnd,
): LineBody {
  checkVectors(asked, pieces);
  const createdAtS = Math.floor(createdAtMs / 1_000);
  return createAnswerFormat({ asked, jobId, createdAtS, fingerprint: fingerprintOf(sha256) }).whole(
    pieces,
    end,
  );
}

async function collect(parts: LineBuyerParts, sent: SentLine): Promise<Collected> {
  const { network, clock } = parts;
  const { peer, jobId, signal } = sent;
  const connection = openConnection(clock, signal);
  try {
    connection.expect(COLLECT_SILENCE_MS);
    const response = await network.fetch(peer, `${KEPT_ANSWERS_PATH}/${jobId}`, {
      method: 'GET',
      headers: { [BATCH_KEY_HEADER]: parts.answerKey(jobId) },
      signal: connection.signal,
    });
    if (response.status === 404) {
      await response.body?.cancel();
      return { kind: 'gone' };
    }
    if (response.status !== 200 || !response.body) {
      await readText(response, ERROR_CHARACTERS_MAX);
      throw new AppError('busy', `The provider responded with status ${response.status}.`);
    }
    const reader = new ResponseReader(response.body, {
      peer,
      bounds: boundsOf(sent),
      requester: signal,
      onRead: () => connection.expect(COLLECT_SILENCE_MS),
      onFirstPiece: () => undefined,
    });
    return await readKept(parts, sent, reader);
  } catch (error) {
    if (isAppError(error) && error.code !== 'aborted') throw error;
    throw new AppError('peer-unreachable', 'The kept answer could not be collected.', { cause: error });
  } finally {
    connection.stopTimer();
    connection.keepWithoutRequester();
    connection.abort();
  }
}

/** Without a limit of its own, a line has at most the default one, in any context. */
function boundsOf(sent: LineRequest): AnswerBounds {
  const asked = readLine(sent);
  return answerBounds(asked, answerTokensMax(asked, Number.POSITIVE_INFINITY));
}

async function readKept(
  { clock, verifySigned }: LineBuyerParts,
  { peer, jobId, begun, ...request }: SentLine,
  reader: ResponseReader,
): Promise<Collected> {
  const asked = readLine(request);
  const pieces = [...begun];
  let end: { readonly finishReasons: readonly string[]; readonly usage: AnswerEnd['usage'] | null } | null =
    null;
  let failure: unknown = null;
  try {
    while (end === null) {
      const batch = await reader.next();
      pieces.push(...batch.pieces);
      end = batch.end;
    }
  } catch (error) {
    // The connection was lost, not the answer.
    if (!isAppError(error) || isAppError(error, 'peer-unreachable', 'aborted')) throw error;
    failure = error;
  }
  await reader.readReceipt();
  const { receiptJws } = reader.summary();
  const receipt = await readReceipt(receiptJws, peer, verifySigned);
  const charged = receipt === null ? null : BigInt(receipt.charged);
  if (end === null || failure !== null) return { kind: 'incomplete', charged };
  const tokens = pieces.reduce((sum, piece) => sum + piece.tokens.length, 0);
  const counted = end.usage ?? usage(receipt?.inputTokens ?? 0, tokens);
  const head = { asked, jobId, createdAtMs: clock.now(), sha256: receipt?.modelSha256 ?? '' };
  const body = wholeBody(head, pieces, { finishReasons: end.finishReasons, usage: counted });
  return { kind: 'answer', body, charged };
}

/** Returns the receipt, or null if it is missing or isn't the peer's: the answer is still there. */
async function readReceipt(
  jws: string | null,
  peer: string,
  verifySigned: VerifySigned,
): Promise<Receipt | null> {
  if (jws === null) return null;
  const read = checkShape(receiptSchema, await verifySigned(jws, peer).catch(() => null));
  return read.success && read.data.peer === peer ? read.data : null;
}
