/** The OpenAI-compatible service that is sold: admits requests, takes their payment, and answers them. */
import { type Context, Hono } from 'hono';
import { type AskedCompletion, askedCostMax, neededFeatures } from '../../../shared/asked.ts';
import { isAppError } from '../../../shared/errors.ts';
import type { JobSource } from '../../../shared/job-sources.ts';
import type { Job } from '../../../shared/jobs.ts';
import { featureMissing, missingFeature } from '../../../shared/model-features.ts';
import { amount } from '../../../shared/money.ts';
import { type OfferedModel, pricedFor, type Receipt } from '../../../shared/offer.ts';
import type { Presence } from '../../../shared/presence.ts';
import { KEPT_ANSWERS_PATH } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { HeldModel, ModelEngines } from '../../ports/model-engines.ts';
import type { PeerKey } from '../../ports/network.ts';
import { type AdmittedPayment, CHANNEL_PATH, type PaymentGate } from '../../ports/payments.ts';
import type { ShownReference } from '../../ports/references.ts';
import type { Offers } from '../identity/index.ts';
import {
  answerFailures,
  createFailures,
  type Failures,
  identifyResponses,
  limitBodies,
  mayExceed,
  onAbort,
  PAID_ENDPOINTS,
  type ReadAsked,
  type ReportUnexpected,
  readJsonBody,
} from '../openai-http/index.ts';
import { createRateLimit, type RateLimit } from '../rate-limit/index.ts';
import { type ActiveJob, type ActiveJobs, createActiveJobs } from './active-jobs.ts';
import { type Admission, createAdmission, enterChoices } from './admission.ts';
import type { AnswerFiles } from './answer-files.ts';
import { type BatchPlaces, createBatchPlaces } from './batch-places.ts';
import { readBatchKey, readBatchRequest, refuseIfGone } from './batch-request.ts';
import { type BodyPlaces, createBodyPlaces } from './body-places.ts';
import { type AdmitPayment, limitChainWork } from './chain-work.ts';
import { addCheckReports, type TakeReport } from './check-reports.ts';
import { type Consent, SELLS_ALL } from './consent.ts';
import { createFreeRequests, type FreeRequests } from './free-requests.ts';
import { type Guests, guestParts } from './guests.ts';
import { jobSeed } from './job-seed.ts';
import { createJobSpeeds, type JobSpeeds, type SpeedCurve } from './job-speeds.ts';
import { createKeptAnswers, type KeptAnswer, type KeptAnswers } from './kept-answers.ts';
import { checkSize, highestCost, PROVIDER_LIMITS, type ProviderLimits } from './limits.ts';
import { addOfferRoutes, notOffered } from './offer-routes.ts';
import { createOtherJobs, type OtherJobs } from './other-jobs.ts';
import { paidRequest, responseOf } from './paid-request.ts';
import {
  paused,
  pausedByStorage,
  RETRY_PAUSED_S,
  RETRY_STARTING_S,
  refuseDuringFault,
  slotsOf,
} from './pauses.ts';
import { BETTER_PAY_FIRST, type PreferenceSettings, rankOf } from './preference.ts';
import { readyEvents } from './ready-events.ts';
import { askingOf, peerOf } from './requester.ts';
import { createReservation, type Reservation } from './reservation.ts';
import { type AdmittedRequest, admitSoldJob, type SoldJob } from './sold-job.ts';
import { answer } from './work.ts';

export interface ProviderOptions {
  readonly engines: ModelEngines;
  readonly gate: PaymentGate;
  readonly key: PeerKey;
  readonly clock: Clock;
  readonly jobs: JobStore;
  readonly offers: Offers;
  readonly presence: () => Presence;
  readonly limits?: Partial<ProviderLimits>;
  /** Requesters that pay nothing. Default: none. */
  readonly guests?: Guests;
  /** The owner's choice of buyers and jobs. Default: all. */
  readonly consent?: Consent;
  /** The owner's order of the sources of jobs. Default: those that pay come first. */
  readonly preference?: () => PreferenceSettings;
  /** Keeps answers of batches when this process ends. Default: they are in memory only. */
  readonly answerFiles?: AnswerFiles;
  /** Called when a job's charge is final, together with the job's own step, for the ledger. Must not throw. */
  readonly onCharged: (job: Job, receipt: Receipt) => void;
  /** Called after each change of the jobs in progress or of their tokens, for each token of each job. */
  readonly onActive?: () => void;
  /** Called when a peer is refused because of a limit, with its sentence. */
  readonly onLimited?: (peer: string, limit: string) => void;
  /** Channels on which this provider was paid. Default: none is shown. */
  readonly references?: () => readonly ShownReference[];
  /** Signed verdicts on providers from which this machine buys. Default: none is shown. */
  readonly verdicts?: () => readonly string[];
  /** Takes the reports of buyers on answers that they checked. Default: they are refused. */
  readonly takeReport?: TakeReport;
  /** Reports an unexpected failure, which never holds content. Default: reports nothing and returns no incident ID. */
  readonly onUnexpected?: ReportUnexpected;
}

export interface ProviderService {
  readonly app: Hono;
  active(): readonly ActiveJob[];
  /** See {@link JobSpeeds.of}. */
  speedOf(jobId: string): SpeedCurve | null;
  /** Lets jobs of another network run in free slots. */
  readonly other: OtherJobs;
  /** Keeps the machine free of jobs, for a measurement; see {@link Reservation.reserve}. */
  reserve(signal: AbortSignal): Promise<() => void>;
  /** Takes no new jobs from now on, while the running ones continue. Returns the function that takes jobs again. */
  refuseJobs(): () => void;
  /** Ends every job now, because the owner needs the machine; resolves when all are concluded. */
  handBack(): Promise<void>;
  /** Takes no new jobs and lets the running ones end for at most this time; then hands back. */
  close(graceMs: number): Promise<void>;
}

/** The gate's answer to a deposit that was made. */
const OK = 200;

/**
 * See {@link ProviderService}. The headers `x-peer-id` and `x-peer-subnet`, which the network sets, identify the requester.
 */
export function createProviderService(options: ProviderOptions): ProviderService {
  const { clock, key, offers } = options;
  const limits = { ...PROVIDER_LIMITS, ...options.limits };
  const { onUnexpected = () => null, consent = SELLS_ALL, preference = BETTER_PAY_FIRST } = options;
  const failures = createFailures(onUnexpected);
  const active = createActiveJobs(clock, options.onActive ?? (() => undefined));
  const reservation = createReservation(active);
  const speeds = createJobSpeeds(clock);
  let closing = false;
  let refusing = false;
  const parts: SellingParts = {
    ...options,
    ...{ limits, onUnexpected, failures, active, reservation, speeds, consent, preference, source: 'market' },
    ...openLimits(options, limits, onUnexpected),
    isClosing: () => closing || refusing,
    onCharged(job, receipt) {
      consent.noteBuyer(job.peer);
      options.onCharged(job, receipt);
    },
  };

  const { guests } = options;
  const guesting = guests && { ...parts, ...guestParts(guests, offers) };
  const partsFor = (peer: string) => (guesting && guests.isGuest(peer) ? guesting : parts);

  // Some clients end every path with a slash.
  const app = new Hono({ strict: false });
  identifyResponses(app);
  app.use(async (context, next) => {
    parts.free.enter(askingOf(context));
    await next();
  });
  limitBodies(app);
  const { references = () => [], verdicts = () => [] } = options;
  addOfferRoutes(app, { offers, key, consent, references, verdicts });
  for (const { path, read } of PAID_ENDPOINTS) {
    app.post(path, (context) => pausedByStorage(sell(partsFor(peerOf(context)), context, read)));
    app.get(path, (context) => pausedByStorage(openChannel(parts, context)));
  }
  app.post(CHANNEL_PATH, (context) => {
    refuseDuringFault(options.presence());
    return pausedByStorage(openChannel(parts, context));
  });
  app.get(`${KEPT_ANSWERS_PATH}/:id`, (context) => {
    const key = readBatchKey((name) => context.req.header(name));
    return parts.keptAnswers.respond({ peer: peerOf(context), id: context.req.param('id') }, key);
  });
  if (options.takeReport) addCheckReports(app, { bodies: parts.bodies, take: options.takeReport });
  answerFailures(app, failures, (error, _status, context) => {
    if (isAppError(error, 'busy')) options.onLimited?.(peerOf(context), error.message);
    const retryAfterS = isAppError(error) ? error.details.retryAfterS : undefined;
    return typeof retryAfterS === 'number' ? retryAfterS : null;
  });

  return {
    app,
    active: active.list,
    speedOf: speeds.of,
    other: createOtherJobs({
      ...{ engines: options.engines, admission: parts.admission, active },
      rank: () => rankOf(preference(), { source: 'horde', price: null }),
      waitingMax: limits.waitingMax,
      check: () => checkTakesJobs(parts),
    }),
    reserve: reservation.reserve,
    refuseJobs() {
      refusing = true;
      return () => {
        refusing = false;
      };
    },
    handBack: active.handBack,
    async close(graceMs) {
      closing = true;
      await active.settled(graceMs);
      await active.handBack();
    },
  };
}

interface SellingParts extends ProviderOptions {
  readonly limits: ProviderLimits;
  readonly source: JobSource;
  readonly preference: () => PreferenceSettings;
  readonly consent: Consent;
  readonly onUnexpected: ReportUnexpected;
  readonly failures: Failures;
  readonly active: ActiveJobs;
  readonly admission: Admission;
  readonly batchPlaces: BatchPlaces;
  readonly keptAnswers: KeptAnswers;
  readonly channelAdmission: Admission;
  readonly admitPayment: AdmitPayment;
  /** Requests that were left early or that the engine rejected, by payer. */
  readonly abandoned: RateLimit;
  readonly bodies: BodyPlaces;
  readonly reservation: Reservation;
  readonly speeds: JobSpeeds;
  readonly free: FreeRequests;
  readonly isClosing: () => boolean;
}

function openLimits(
  { gate, clock, answerFiles }: ProviderOptions,
  limits: ProviderLimits,
  onUnexpected: ReportUnexpected,
): Pick<
  SellingParts,
  | 'admission'
  | 'batchPlaces'
  | 'keptAnswers'
  | 'bodies'
  | 'channelAdmission'
  | 'admitPayment'
  | 'abandoned'
  | 'free'
> {
  const admission = createAdmission(limits);
  return {
    admission,
    batchPlaces: createBatchPlaces(admission, clock),
    keptAnswers: createKeptAnswers({ clock, limits, files: answerFiles ?? null, onUnexpected }),
    bodies: createBodyPlaces(limits),
    channelAdmission: createAdmission({
      waitingMax: limits.channelRequestsMax,
      perPeerMax: limits.channelRequestsPerPeerMax,
    }),
    admitPayment: limitChainWork(gate, clock, limits),
    abandoned: createRateLimit({
      clock,
      eventsMax: limits.abandonedPerPayerMax,
      windowMs: limits.abandonWindowMs,
      message: 'This payer has left too many requests before their end. See Retry-After.',
    }),
    free: createFreeRequests(clock, limits),
  };
}

async function sell(parts: SellingParts, context: Context, read: ReadAsked): Promise<Response> {
  checkTakesJobs(parts);
  const peer = peerOf(context);
  parts.consent.checkBuyer(peer);
  const batch = readBatchRequest((name) => context.req.header(name));
  if (batch !== null) parts.consent.checkBatch();
  if (batch !== null) parts.keptAnswers.begin(peer, batch);
  const received = await receive(parts, context, peer);
  if (received instanceof Response) return received;
  const asked = read(received.body);
  parts.consent.checkJob(asked);
  const slots = slotsOf(parts.engines.availability(asked.model));
  const model = await offeredModel(parts, asked, batch !== null);
  const maxTokens = checkSize(asked, model, parts.limits);
  if (batch === null) parts.batchPlaces.noteLive();
  else parts.batchPlaces.check(slots, model.id);
  const rank = rankOf(parts.preference(), { source: parts.source, price: model.price });
  const places = { slots, lane: model.id, rank };
  const leave = enterChoices(parts.admission, askingOf(context), places, asked.choices);
  let held: HeldModel | null = null;
  let isAdmitted = false;
  let kept: KeptAnswer | null = null;
  try {
    const costMax = askedCostMax(model.price, asked, maxTokens);
    const admitted = await parts.admitPayment(
      askingOf(context),
      paidRequest(context, costMax, `Tokens of ${model.id}`),
    );
    if (admitted.kind === 'answered') {
      if (admitted.status !== OK) refuseDuringFault(parts.presence());
      return responseOf(admitted);
    }
    held = await holdAdmitted(parts, model, admitted.payment);
    parts.free.takeBack(askingOf(context));
    if (batch !== null) {
      await refuseIfGone(context.req.raw.signal, admitted.payment);
      if (asked.stream) kept = parts.keptAnswers.open({ peer, id: batch.job }, batch.key);
    }
    const terms = { peer, model, ceiling: costMax, payment: admitted.payment, isOnlyWhole: kept !== null };
    const job = await admit(parts, terms);
    isAdmitted = true;
    const { payer } = admitted.payment;
    const requester = context.req.raw.signal;
    // Work begins while the disk takes the voucher and the job; output waits for both.
    const stored = parts.jobs.durable();
    // The request may fail before anything awaits this.
    stored.catch(() => undefined);
    return await work(parts, {
      asked,
      model,
      maxTokens,
      job,
      payer,
      requester,
      stored,
      leave,
      kept,
      held,
      rank,
    });
  } catch (error) {
    kept?.drop();
    throw error;
  } finally {
    if (!isAdmitted) {
      leave();
      held?.release();
    }
  }
}

/**
 * Receives the body, if the payment is good or the body small; otherwise refuses the payment without it. A good payment
 * has places of its own, which no stranger can take.
 */
async function receive(
  parts: SellingParts,
  context: Context,
  peer: string,
): Promise<Response | { readonly body: unknown }> {
  const { gate, limits, bodies, offers } = parts;
  const standing = gate.standing({ header: (name) => context.req.header(name) });
  if (standing === 'refused' || (standing === 'none' && mayExceed(context, limits.unpaidBodyBytesMax))) {
    const { models } = (await offers.current()).offer;
    // A payment is judged at its own price, so that the refusal tells what is wrong with it.
    const cost = standing === 'none' ? highestCost(models, limits) : amount(0);
    const refusal = await gate.admit(paidRequest(context, cost, 'Tokens of any model'));
    if (refusal.kind === 'answered') return responseOf(refusal);
    // A payment can't become good: this would be a defect of the gate.
    await refusal.payment.cancel();
    throw new Error('a payment was refused and then admitted');
  }
  const leave = bodies.enter(peer, standing === 'proven');
  try {
    return { body: await readJsonBody(context) };
  } finally {
    leave();
  }
}

/** Fails with `paused`, `busy` or `engine-gave-up` if this machine takes no jobs now, whichever their model is. */
function checkTakesJobs({ isClosing, presence, engines, reservation }: SellingParts): void {
  if (isClosing()) throw paused('starting', RETRY_STARTING_S);
  const { decision, reason } = presence();
  if (decision === 'pause') throw paused(reason, RETRY_PAUSED_S);
  slotsOf(engines.anyAvailability());
  reservation.check();
}

/** Returns the model at its current price for this request, which stays the job's price whatever the offer is later. */
async function offeredModel(
  { offers }: SellingParts,
  asked: AskedCompletion,
  isBatch: boolean,
): Promise<OfferedModel> {
  const { offer } = await offers.current();
  const model = offer.models.find(({ id }) => id === asked.model);
  if (!model) throw notOffered();
  const missing = missingFeature(neededFeatures(asked), model.features);
  if (missing !== null) throw featureMissing(model.id, missing);
  return pricedFor(model, isBatch);
}

/**
 * Holds the model for the job. Fails with the payment released: with `busy` if the payer has left too many requests early,
 * or with `paused` if the machine was reserved, or the memory taken, while the payment was verified.
 */
async function holdAdmitted(
  { abandoned, reservation, engines }: SellingParts,
  { id, price }: OfferedModel,
  payment: AdmittedPayment,
): Promise<HeldModel> {
  try {
    abandoned.check(payment.payer);
    reservation.check();
    if (slotsOf(engines.availability(id)) === 0) throw notOffered();
    return engines.hold(id, price);
  } catch (error) {
    await payment.cancel();
    throw error;
  }
}

/** Records the job; releases the payment if that fails. */
async function admit(parts: SellingParts, request: AdmittedRequest): Promise<SoldJob> {
  const { gate, abandoned } = parts;
  const onAbandoned = () => abandoned.note(request.payment.payer);
  try {
    return admitSoldJob({ ...parts, assetId: gate.asset.id, onAbandoned }, request);
  } catch (error) {
    await request.payment.cancel();
    throw error;
  }
}

interface AdmittedWork {
  readonly asked: AskedCompletion;
  readonly model: OfferedModel;
  readonly maxTokens: number;
  readonly job: SoldJob;
  /** Proven by its payment: computed tokens of its earlier prompts may be reused. */
  readonly payer: string;
  readonly requester: AbortSignal;
  /** Resolves when the voucher and the job survive a power cut. */
  readonly stored: Promise<void>;
  /** Frees the requester's place. */
  readonly leave: () => void;
  /** For a line of a batch: takes the answer, which is finished even if the requester leaves. */
  readonly kept: KeptAnswer | null;
  readonly rank: number;
  /** The model, which the job has until it is concluded. */
  readonly held: HeldModel;
}

function work(
  parts: SellingParts,
  { asked, model, maxTokens, job, payer, requester, stored, leave, kept, held, rank }: AdmittedWork,
): Promise<Response> {
  const { active, clock, limits, failures } = parts;
  const abort = new AbortController();
  const isPatient = kept !== null;
  const ignoreRequester = onAbort(requester, () => {
    if (!isPatient) abort.abort('requester');
  });
  const removeFromActive = active.add(job, maxTokens, abort);
  const { prompt, temperature, topP, stop, sampling, json, topLogprobs } = asked;
  const events = readyEvents(
    Array.from({ length: asked.choices }, (_, choice) => {
      // The same seed would write the same answer again.
      const seed = ((asked.seed ?? jobSeed(job.id)) + choice) % 2 ** 32;
      const sampled = { temperature, topP, seed, stop, sampling, json, topLogprobs };
      const request = { prompt, maxTokens, ...sampled, requester: payer, rank };
      return held.generate(isPatient ? { ...request, isPatient } : request, abort.signal);
    }),
  );
  active.changed();
  return answer({
    ...{ asked, job, events, abort, clock, failures, stored },
    sha256: model.sha256,
    stallMs: limits.stallMs,
    progress: active.changed,
    kept,
    done() {
      ignoreRequester();
      leave();
      held.release();
      removeFromActive();
    },
  });
}

/**
 * Passes a request for a channel to the payment gate, with a ceiling of zero. A deposit is taken only while jobs are;
 * questions about a charge and refunds are answered during a pause too, because they concern past jobs.
 */
async function openChannel(parts: SellingParts, context: Context): Promise<Response> {
  const peer = peerOf(context);
  const request = paidRequest(context, amount(0), 'Opening of a payment channel');
  if (parts.gate.chainWork(request)?.kind === 'deposit') {
    checkTakesJobs(parts);
    parts.consent.checkBuyer(peer);
  }
  const leave = parts.channelAdmission.enter({ peer, subnet: null }, { slots: 0, lane: '' });
  try {
    const result = await parts.admitPayment(askingOf(context), request);
    if (result.kind === 'answered') {
      if (result.status !== OK) refuseDuringFault(parts.presence());
      return responseOf(result);
    }
    await result.payment.cancel();
    return context.json({ opened: true });
  } finally {
    leave();
  }
}
