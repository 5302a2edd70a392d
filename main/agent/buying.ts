/** Opens what this agent buys with: payment client, offers of peers, and the OpenAI-compatible gateway on loopback. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayPortState } from '../../shared/api/state.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { isAppError } from '../../shared/errors.ts';
import { amount } from '../../shared/money.ts';
import type { Offer, OfferedModel } from '../../shared/offer.ts';
import { createContractSignatures, createSender, verifyTypedData } from '../adapters/ethers/index.ts';
import { didOf, verifySigned } from '../adapters/libp2p/index.ts';
import { createTokenizer } from '../adapters/llama/index.ts';
import { machineUptime } from '../adapters/node/index.ts';
import { createPayer } from '../adapters/x402/index.ts';
import type { AnswerChecks, BuyOpinion, Verdicts } from '../core/answer-checks/index.ts';
import { addBatchRoutes, type Batches } from '../core/batches/index.ts';
import { type Budget, type BudgetTime, createBudget, UNLIMITED } from '../core/budget/index.ts';
import {
  type AnswerBuyer,
  createAnswerKeys,
  createGateway,
  type GatewayService,
  marketView,
  type OfferedNow,
} from '../core/gateway/index.ts';
import { createGatewayKeys, type GatewayKeys } from '../core/gateway-keys/index.ts';
import { isPayable, LIVE_OFFER_CLOCK_ERROR_MS_MAX, readOffer } from '../core/identity/index.ts';
import { createFreePayer, isFree } from '../core/machines/index.ts';
import { CATALOGUE, type ModelStore } from '../core/models/index.ts';
import { createDirectory, createSeeking, type Directory, marketKey } from '../core/network/index.ts';
import {
  type BoughtCharges,
  createBoughtCharges,
  createDepositRecorder,
  createFeeRecorder,
  type DepositReturns,
} from '../core/payments/index.ts';
import { createRelayChannels } from '../core/relaying/index.ts';
import { type Experience, measureRoundTrips } from '../core/reputation/index.ts';
import type { Network } from '../ports/network.ts';
import type { PaymentClient } from '../ports/payments.ts';
import { storageError } from '../ports/storage.ts';
import { openBatches } from './batching.ts';
import { type CheckModels, openAnswerChecks } from './checking.ts';
import { openDepositReturns } from './deposit-returns.ts';
import type { Foundation } from './foundation.ts';
import { gatewayKeyFile } from './gateway-key-file.ts';
import { openGatewayPort } from './gateway-port.ts';
import { logFault } from './log.ts';
import type { Money } from './money.ts';
import { hearingChanges } from './offer-gossip.ts';
import type { OwnMachines } from './own-machines.ts';
import { openRelaying } from './relaying.ts';
import { openReputation, type Reputation } from './reputation.ts';
import { logDeposit } from './run-story/index.ts';
import type { Surroundings } from './surroundings.ts';

export interface GatewayAddress {
  readonly baseUrl: string;
  readonly port: GatewayPortState;
  /** This machine's own key, as it is now: revoking replaces it. */
  readonly key: string;
}

export interface BuyingParts {
  readonly foundation: Foundation;
  readonly money: Money;
  readonly network: Network;
  readonly models: Pick<ModelStore, 'findFile'>;
  /** To check bought answers with. */
  readonly checkModels: CheckModels;
  readonly verdicts: Pick<Verdicts, 'note'>;
  /** Null where providers are paid. */
  readonly office: Pick<OwnMachines, 'refusal' | 'roster'> | null;
}

/** Concurrent requests to one provider; each needs a funded channel of its own. */
const CHANNELS_MAX = 8;
const STOP_GRACE_MS = 1_000;
/** Interval for querying the offers of the few machines of one owner, so that one that has become idle gets work. */
const OWN_OFFERS_MS = 5_000;

/** Fails with `port-in-use`. */
export async function openBuying(
  surroundings: Surroundings,
  parts: BuyingParts,
): Promise<{
  readonly gateway: GatewayAddress;
  readonly gatewayKeys: Pick<GatewayKeys, 'list' | 'add' | 'change' | 'revoke'>;
  readonly directory: Directory;
  readonly depositReturns: DepositReturns;
  /** Base units charged or reserved within the last 24 hours. */
  readonly spentDay: () => bigint;
  /** The offers of today. */
  readonly offers: () => readonly OfferedNow[];
  readonly batches: Batches;
  /** Buys answers for the storefront, and decides which offers count. */
  readonly answers: AnswerBuyer;
  readonly accepts: (offer: Offer, model: OfferedModel) => boolean;
  /** See {@link AnswerChecks.find}; for bought jobs. */
  readonly checkOf: AnswerChecks['find'];
  readonly service: Pick<GatewayService, 'active' | 'refuseRequests'>;
}> {
  const { ledger, jobs } = parts.foundation;
  const relayChannels = createRelayChannels(parts.foundation.records);
  const charges = createBoughtCharges({
    ...{ ledger, jobs, clock: surroundings.clock },
    assetId: parts.money.chain.token.id,
    isOfRelay: relayChannels.has,
    changed: () => surroundings.changed('money'),
  });
  const budget = createBudget({
    durability: parts.foundation.database.durability,
    records: parts.foundation.records,
    clock: surroundings.clock,
    uptime: machineUptime(),
    log: surroundings.log.child('budget'),
    settings: parts.foundation.settings.get,
    depositUsual: surroundings.terms.deposit,
  });
  const keys = openGatewayKeys(surroundings, parts.foundation, budget.time);
  const payer =
    parts.office === null
      ? openPaymentClient(surroundings, parts, { charges, budget, keys })
      : createFreePayer();
  if (parts.office === null) openRelaying(surroundings, { ...parts, payer, budget, relayChannels });
  const reputation = openReputation(surroundings, parts);
  const { experience } = reputation;
  const directory = openDirectory(surroundings, parts, reputation);
  const { gateway, service, batches, answers, checkOf } = await openGateway(surroundings, parts, {
    charges,
    budget,
    payer,
    directory,
    keys,
    experience,
  });
  const depositReturns = openDepositReturns(surroundings, { ...parts, payer, budget });
  return {
    ...{ gateway, service },
    gatewayKeys: {
      ...keys,
      revoke(id) {
        keys.revoke(id);
        surroundings.changed('network');
      },
    },
    directory,
    depositReturns,
    batches,
    answers,
    accepts: acceptsFor(parts),
    checkOf,
    spentDay: () => budget.spentDay(),
    offers: () =>
      // Always the same one of equals: a page that is read again shows no change.
      marketView(directory.providers(), acceptsFor(parts), { knownOf: experience.of, random: () => 0 }),
  };
}

/** Also records what an earlier run did not: deposits, charges, and charges that it never received. */
function openPaymentClient(
  { clock, onClose, changed, log }: Surroundings,
  { foundation, money, network }: BuyingParts,
  {
    charges,
    budget,
    keys,
  }: { readonly charges: BoughtCharges; readonly budget: Budget; readonly keys: GatewayKeys },
): PaymentClient {
  const { chain, node, wallet } = money;
  const deposits = createDepositRecorder({
    ledger: foundation.ledger,
    assetId: chain.token.id,
    onChain: () => payer.deposits(),
    clock,
    changed: () => changed('money', 'wallet'),
    log: log.child('deposits'),
  });
  onClose(() => deposits.stop());
  const payer: PaymentClient = createPayer({
    network: chain,
    funds: wallet.accounts.funds,
    session: wallet.accounts.session,
    chain: node,
    sender: createFeeRecorder({
      sender: createSender(node, wallet.accounts.funds),
      store: foundation.records,
      durability: foundation.database.durability,
      ledger: foundation.ledger,
      coinId: chain.coin.id,
      clock,
      log: log.child('fees'),
    }).sender,
    store: foundation.records,
    durability: foundation.database.durability,
    clock,
    limits: budget.deposits,
    channelsMax: CHANNELS_MAX,
    onDeposit(deposit) {
      deposits.deposited(deposit);
      logDeposit(log.child('channels'), deposit, chain.token);
    },
    onDepositUnknown: () => deposits.watch(),
    onCharged({ channelId, total, isAccounted, isLatest }) {
      if (isAccounted) {
        charges.record(channelId, total);
        return;
      }
      const recorded = charges.learn(channelId, total, isLatest);
      budget.noteCharged(recorded);
      keys.noteCharged(channelId, recorded, true);
    },
  });
  deposits.watch();
  for (const { channelId, total } of payer.charges()) {
    const recorded = charges.learn(channelId, total, false);
    budget.noteCharged(recorded);
    keys.noteCharged(channelId, recorded, false);
  }
  const report = logCharges({ log });
  const synchronise = () => {
    for (const peer of payer.unresolved()) {
      if (!network.peers().some((known) => known.peer === peer && known.connected)) continue;
      const provider = { peer, fetch: (path: string, init: RequestInit) => network.fetch(peer, path, init) };
      payer.synchronise(provider).catch(report);
    }
  };
  onClose(network.onPeers(synchronise));
  return payer;
}

function openGatewayKeys(
  { clock, log }: Surroundings,
  { jobs, ...foundation }: Foundation,
  budgetTime: BudgetTime,
): GatewayKeys {
  return createGatewayKeys({
    records: foundation.records,
    durability: foundation.database.durability,
    clock,
    budgetTime,
    log: log.child('gateway'),
    ownKey: gatewayKeyFile(join(foundation.paths.keys, 'gateway-key')),
    chargeOf(jobId) {
      try {
        const { charged } = jobs.show(jobId).job;
        return charged === null ? null : amount(charged);
      } catch (error) {
        if (isAppError(error, 'not-found')) return 0n;
        throw error;
      }
    },
  });
}

function openDirectory(
  surroundings: Surroundings,
  { network, money }: Pick<BuyingParts, 'network' | 'money'>,
  { experience, noteOffer }: Reputation,
): Directory {
  const { terms, clock, onClose } = surroundings;
  const byContract = terms.isPaid && {
    verifyByContract: createContractSignatures(money.node, clock),
  };
  const seek = openSeeking(surroundings, network);
  const directory = createDirectory({
    network: {
      peers: () => network.peers(),
      onPeers: (listener) => network.onPeers(listener),
      fetch: measureRoundTrips(network, experience, clock),
    },
    clock,
    ...(seek && { seek }),
    ...(!terms.isPaid && { refreshMs: OWN_OFFERS_MS }),
    readOffer: async (jws, peer) => {
      const clockErrorMsMax = LIVE_OFFER_CLOCK_ERROR_MS_MAX;
      const checks = { verifySigned, verifyTypedData, didOf, clock, clockErrorMsMax, ...byContract };
      return noteOffer(await readOffer(jws, peer, checks));
    },
  });
  directory.start();
  onClose(() => directory.stop());
  return network.market === null
    ? directory
    : hearingChanges(surroundings, { network, market: network.market, directory });
}

/** Returns the search for providers of a model, or of any; null where there is no market. */
function openSeeking(
  { clock, onClose, log }: Surroundings,
  network: Network,
): ((modelId: string | null) => Promise<unknown>) | null {
  const { market } = network;
  if (market === null) return null;
  const seeking = createSeeking({ network, market, clock, log: log.child('market') });
  seeking.keepSeeking(marketKey);
  onClose(() => seeking.stop());
  // The file of a model that is not in the catalog is unknown until somebody offers it.
  const keyOf = (modelId: string | null) => CATALOGUE.find(({ id }) => id === modelId)?.sha256 ?? marketKey;
  return (modelId) => seeking.seek(keyOf(modelId));
}

interface GatewayParts {
  readonly charges: BoughtCharges;
  readonly budget: Budget;
  readonly payer: PaymentClient;
  readonly directory: Directory;
  readonly keys: GatewayKeys;
  readonly experience: Experience;
}

interface OpenGateway {
  readonly gateway: GatewayAddress;
  readonly service: GatewayService;
  readonly batches: Batches;
  readonly answers: AnswerBuyer;
  readonly checkOf: AnswerChecks['find'];
}

async function openGateway(
  surroundings: Surroundings,
  parts: BuyingParts,
  buying: GatewayParts,
): Promise<OpenGateway> {
  const { clock, onClose, log } = surroundings;
  const { charges, budget, payer, directory, keys, experience } = buying;
  const { foundation, money, network, models, office, checkModels, verdicts } = parts;
  const gatewayLog = log.child('gateway');
  const modelFolders = [foundation.paths.models];
  const tokenizer = createTokenizer({ findFile: models.findFile, modelFolders, clock });
  onClose(() => tokenizer.stop());
  const reportCharges = logCharges(surroundings);
  const prepare = () =>
    money.prepareBuying().catch(logFault(gatewayLog, 'The wallet could not be filled for practice'));
  const opened: { batches?: Batches } = {};
  const buyOpinion = excludingPeer(network.key.peer, (wanted) => gateway.buyOpinion(wanted));
  const checks = openAnswerChecks(surroundings, foundation, {
    ...{ ...checkModels, directory, experience, network, buyOpinion, verdicts },
    opinionsFrom: () => foundation.settings.get().opinionsFrom,
  });
  const gateway = createGateway({
    ...{ network, directory, payer },
    // Nothing is paid among the owner's machines, so there is nothing to limit and nobody to pay in vain.
    budget: office === null ? budget : UNLIMITED,
    verifySigned,
    clock,
    jobs: foundation.jobs,
    keys,
    experience,
    exceptions() {
      const { gatewayOrigins: origins, gatewayHosts: hosts } = foundation.settings.get();
      return { origins, hosts };
    },
    accepts: acceptsFor(parts),
    checkRecordable: () => checkRecordable(foundation),
    onBought: ({ channelId, cumulative }) => {
      if (channelId !== null && cumulative !== null) charges.record(channelId, amount(cumulative));
    },
    tokenizer,
    onProven: (answer) => {
      if (answer.peer !== network.key.peer) checks.consider(answer);
    },
    onFalseBill: (peer, reason) =>
      gatewayLog.warn('A provider’s bill is false; nothing is bought from it for now', { peer, reason }),
    onUnexpected: (error) => gatewayLog.error('A request failed unexpectedly', error),
    answerKey: createAnswerKeys(gatewayKeyFile(join(foundation.paths.keys, 'batch-answers'))),
    addRoutes(app, buyer, keyIdOf) {
      opened.batches = openBatches(surroundings, foundation, {
        ...{ buyer, prepare },
        isChargeUnknown: payer.isChargeUnknown,
        askCharges: (peer) =>
          payer
            .synchronise({ peer, fetch: (path, init) => network.fetch(peer, path, init) })
            .catch(reportCharges),
      });
      addBatchRoutes(app, opened.batches, { assetId: money.chain.token.id, keyIdOf });
    },
  });
  // Closers run in reverse: first no new request is accepted, then what was bought is recorded.
  onClose(() => Promise.race([gateway.idle().then(() => payer.idle()), sleep(STOP_GRACE_MS)]));
  const port = await openGatewayPort(surroundings, foundation, {
    async fetch(request, environment) {
      const refusal = request.method === 'POST' ? (office?.refusal() ?? null) : null;
      if (refusal !== null) return refusal;
      if (request.method === 'POST') await prepare();
      return gateway.app.fetch(request, environment as Record<string, unknown>);
    },
  });
  log.child('start').info('Gateway ready', { baseUrl: port.baseUrl, port: port.state() });
  const batches = forceUnwrap('the gateway adds its routes', opened.batches);
  batches.start();
  return {
    ...{ service: gateway, batches },
    answers: { begin: (wanted) => prepare().then(() => gateway.answers.begin(wanted)) },
    checkOf: checks.find,
    gateway: {
      baseUrl: port.baseUrl,
      get port() {
        return port.state();
      },
      get key() {
        return keys.ownSecret();
      },
    },
  };
}

/** Fails with the storage's fault, because what is bought then couldn't be recorded. */
function checkRecordable({ database }: Pick<Foundation, 'database'>): void {
  const fault = database.storage.fault();
  if (fault !== null) throw storageError(fault);
}

/** This machine may sell the model, too. */
function excludingPeer(own: string, buy: BuyOpinion): BuyOpinion {
  return (wanted) => buy({ ...wanted, without: new Set([...wanted.without, own]) });
}

function logCharges({ log }: Pick<Surroundings, 'log'>): ReturnType<typeof logFault> {
  return logFault(log.child('channels'), 'The charges of a provider could not be queried');
}

/** Only offers that are paid in this agent's token on its chain; among the owner's machines, theirs alone, which are free. */
function acceptsFor({
  money: { chain },
  office,
}: Pick<BuyingParts, 'money' | 'office'>): (offer: Offer, model: OfferedModel) => boolean {
  return (offer, model) =>
    isPayable(offer, { network: chain.id, assetId: chain.token.id }) &&
    (office === null || (office.roster.roleOf(offer.peer) !== null && isFree(model)));
}
