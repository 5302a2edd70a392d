/** Opens what this agent sells: engine, measurements, offer, and the service that peers buy from. */
import { freemem } from 'node:os';
import { isHotkeyPeer } from '../../shared/bittensor.ts';
import { isEngineServerModel } from '../../shared/engine-servers.ts';
import { isHordePeer } from '../../shared/horde.ts';
import { plainAsset } from '../../shared/money.ts';
import { FREE_PRICE } from '../../shared/price.ts';
import { closeHttp, createHttpServer } from '../adapters/http/index.ts';
import { createPaymentGate, shownReferences } from '../adapters/x402/index.ts';
import type { ShellLink } from '../api/shell-link.ts';
import type { ReceivedChecks, Verdicts } from '../core/answer-checks/index.ts';
import { type Bindings, createBindings, createOffers, type OfferTerms } from '../core/identity/index.ts';
import { createFreeGate } from '../core/machines/index.ts';
import { createAnnouncing, marketKey } from '../core/network/index.ts';
import type { Pricing } from '../core/pricing/index.ts';
import {
  createConsent,
  createLimitLog,
  createProviderService,
  openAnswerFiles,
  PROVIDER_LIMITS,
  type ProviderService,
} from '../core/provider/index.ts';
import { createServing, measureServed, offeredModels, type Serving } from '../core/serving/index.ts';
import type { Market, Network } from '../ports/network.ts';
import { watchBinding } from './binding-notice.ts';
import { openReceivedChecks } from './checking.ts';
import { type EngineParts, openEngine } from './engine.ts';
import { ownFormerPeers } from './former-peers.ts';
import type { Foundation } from './foundation.ts';
import { latest } from './latest.ts';
import { type Measuring, openMeasuring } from './measuring.ts';
import type { Money } from './money.ts';
import { type ToldParts, tellChanges } from './offer-gossip.ts';
import type { OwnMachines } from './own-machines.ts';
import { openPricing, type PriceSources } from './pricing.ts';
import { startSensing } from './sensing.ts';
import { signedBindingFile } from './signed-binding-file.ts';
import type { Surroundings } from './surroundings.ts';

export type Selling = ReturnType<typeof openSelling>;

export interface SellingParts {
  readonly foundation: Foundation;
  readonly money: Money;
  readonly network: Network;
  readonly shell: ShellLink;
  /** On providers from which this machine buys. */
  readonly verdicts: Pick<Verdicts, 'list'>;
  /** Null where strangers buy, who pay. */
  readonly office: Pick<OwnMachines, 'serve' | 'roster'> | null;
}

const STOP_GRACE_MS = 1_000;
/** Among the machines of one owner. */
const FREE: Pick<Pricing, 'quote'> = {
  quote: () => ({ price: FREE_PRICE, batchPrice: null, reason: 'own' }),
};

export function openSelling(surroundings: Surroundings, parts: SellingParts) {
  const { serves, onClose, log } = surroundings;
  const { foundation, shell } = parts;
  const servingLater = latest<Serving>();
  const engine = openEngine(surroundings, foundation, {
    machineBytes: () => servingLater.get()?.engines.machineBytes() ?? freemem(),
    onLibraries: () => servingLater.get()?.idle(),
  });
  const providerLater = latest<ProviderService>();
  const measuringLater = latest<Measuring>();
  const serving = openServing(surroundings, foundation, engine, {
    provider: providerLater.get,
    isMeasuring: () => measuringLater.get()?.benchmark.state().state === 'running',
  });
  servingLater.set(serving);
  const measuring = openMeasuring(surroundings, {
    ...{ foundation, engine, shell },
    reserve: async (signal) => (await providerLater.get()?.reserve(signal)) ?? (() => undefined),
  });
  measuringLater.set(measuring);
  measuring.benchmark.onChange(() => {
    if (measuring.benchmark.state().state !== 'running') serving.idle();
  });
  if (serves) startSensing(surroundings, foundation, { ...engine, engines: serving.engines }, measuring);
  const received = openReceivedChecks(surroundings, foundation);
  const sources = latest<PriceSources>();
  const pricing = openPricing(surroundings, { ...parts, sources: sources.get });
  const { provider, offerTerms } = openProvider(surroundings, parts, {
    engine,
    measuring,
    serving,
    pricing,
    received,
  });
  providerLater.set(provider);

  return {
    engine,
    measuring,
    provider,
    serving,
    checkOf: received.find,
    pricing,
    setPriceSources: sources.set,
    servedModel: () => (serves ? serving.modelId() : null),
    /** Serves from now on, and measures a machine that was never measured. */
    start(): void {
      if (!serves) return;
      const { benchmark } = measuring;
      const { presence } = foundation;
      onClose(measureServed({ benchmark, engines: serving.engines, presence, log: log.child('benchmark') }));
      serving.start();
      const { market } = parts.network;
      if (market === null) return;
      announceModels(surroundings, foundation, { market, serving });
      tellChangesOf(surroundings, foundation, { market, offerTerms, serving });
    },
  };
}

/** Announces the models that are offered here in the open market. */
function announceModels(
  { clock, onClose, log }: Surroundings,
  { settings }: Pick<Foundation, 'settings'>,
  { market, serving: { engines } }: { readonly market: Market; readonly serving: Serving },
): void {
  const announcing = createAnnouncing({
    market,
    clock,
    log: log.child('market'),
    keys() {
      const offered = settings.get().marketOn ? engines.offerable().map(({ sha256 }) => sha256) : [];
      return offered.length === 0 ? [] : [marketKey, ...offered];
    },
  });
  onClose(engines.onStatus(() => announcing.changed()));
  onClose(settings.onChange(() => announcing.changed()));
  announcing.start();
  onClose(() => announcing.stop());
}

/** Tells buyers when the offer changes. */
function tellChangesOf(
  surroundings: Surroundings,
  { presence, settings }: Pick<Foundation, 'presence' | 'settings'>,
  { serving, ...told }: Omit<ToldParts, 'sources'> & { readonly serving: Serving },
): void {
  const sources: ToldParts['sources'] = [
    (listener) => serving.engines.onStatus(listener),
    (listener) => presence.onChange(listener),
    (listener) => settings.onChange(listener),
  ];
  tellChanges(surroundings, { ...told, sources });
}

interface ProviderParts {
  readonly pricing: Pricing;
  readonly engine: EngineParts;
  readonly measuring: Measuring;
  readonly serving: Serving;
  readonly received: ReceivedChecks;
}

/** Opens the binding of this peer. Another payout address that the owner named signs elsewhere, because its key isn't here. */
function openBindings(
  surroundings: Surroundings,
  { foundation, money, network }: Pick<SellingParts, 'foundation' | 'money' | 'network'>,
): Bindings {
  const { chain, wallet } = money;
  const { funds } = wallet.accounts;
  const file = signedBindingFile(foundation.paths.keys);
  const isElsewhere = wallet.payout !== funds.address;
  const signedElsewhere = () => file.signedFor({ peer: network.key.peer, payout: wallet.payout });
  if (surroundings.terms.isPaid && isElsewhere) watchBinding(surroundings, signedElsewhere);
  return createBindings({
    ...{ key: network.key, clock: surroundings.clock, network: chain.id },
    ...{ payout: isElsewhere ? null : funds, signedElsewhere },
  });
}

function openProvider(
  surroundings: Surroundings,
  { foundation, money, network, office, verdicts }: SellingParts,
  parts: ProviderParts,
): { readonly provider: ProviderService; readonly offerTerms: () => OfferTerms } {
  const { serves, terms, clock, onClose, changed, log } = surroundings;
  const { settings, jobs, presence } = foundation;
  const { chain, wallet } = money;
  const { duty } = parts.engine;
  const { engines } = parts.serving;
  const formerPeers = ownFormerPeers(foundation.paths.keys, network.key.peer);
  const offerTerms = (): OfferTerms => {
    const { benchmark } = parts.measuring;
    const { categoriesOff, marketOn } = settings.get();
    const models = marketOn || office !== null ? engines.offerable() : [];
    return {
      payout: wallet.payout,
      ...(formerPeers.length > 0 && { formerPeers: [...formerPeers] }),
      networks: [chain.id],
      asset: plainAsset(chain.token),
      models: offeredModels({ models, pricing: terms.isPaid ? parts.pricing : FREE, benchmark, duty }),
      ...(categoriesOff.length > 0 && { refuses: [...categoriesOff] }),
      slots: Math.max(0, ...models.map(({ facts }) => facts.sequences)),
    };
  };
  const offers = createOffers({
    key: network.key,
    clock,
    terms: offerTerms,
    bindings: openBindings(surroundings, { foundation, money, network }),
  });
  const freeGate = createFreeGate(plainAsset(chain.token), wallet.payout);
  const provider = createProviderService({
    engines,
    gate: terms.isPaid ? createPaymentGate(money.channels) : freeGate,
    // They were compared with the owner's list before.
    guests: { isGuest: isHotkeyPeer, gate: freeGate },
    key: network.key,
    clock,
    ...{ jobs, offers, preference: settings.get },
    consent: createConsent({
      settings: settings.get,
      records: foundation.records,
      isOwn: (peer) =>
        peer === network.key.peer || isHotkeyPeer(peer) || (office?.roster.roleOf(peer) ?? null) !== null,
    }),
    presence: () => presence.current(),
    ...(terms.isPaid && { references: () => shownReferences(money.channels) }),
    // Only the open market has strangers to choose among.
    ...(terms.openMarket && { verdicts: verdicts.list }),
    // core/jobs records the charge in the step that makes it final.
    onCharged: () => changed('money'),
    ...(serves && { answerFiles: openAnswerFiles(foundation.paths.answers, clock, PROVIDER_LIMITS) }),
    onActive: () => {
      const active = provider.active();
      // Their vouchers were verified.
      for (const { requester } of active) {
        if (!isHordePeer(requester) && !isHotkeyPeer(requester)) network.prefer(requester);
      }
      parts.engine.duty.setJobs(active.length);
      changed('work');
      if (active.length === 0) parts.serving.idle();
    },
    takeReport: parts.received.take,
    onLimited: createLimitLog(log.child('provider'), clock),
    onUnexpected: (error) => log.child('provider').error('A job failed unexpectedly', error),
  });
  if (serves) {
    const server = createHttpServer(office === null ? provider.app : office.serve(provider.app));
    network.serve(server);
    onClose(() => closeHttp(server));
    onClose(() => provider.close(STOP_GRACE_MS));
  }
  return { provider, offerTerms };
}

function openServing(
  surroundings: Surroundings,
  { presence, settings, records }: Foundation,
  { engine, engineOf, duty, models, servers, machine, graphics, libraries, handBacks }: EngineParts,
  later: { readonly provider: () => ProviderService | null; readonly isMeasuring: () => boolean },
): Serving {
  const { config, clock, onClose, changed, notices, log } = surroundings;
  const serving = createServing({
    engine,
    engineOf,
    duty,
    models: {
      ...models,
      // What an engine server holds is up to that program.
      requiredBytes: (id) => (isEngineServerModel(id) ? 0 : models.requiredBytes(id)),
      ensure: async (id, options) =>
        isEngineServerModel(id) ? servers.fileOf(id) : models.ensure(id, options),
    },
    presence,
    settings,
    machine,
    graphics,
    libraries: () => libraries.folders()?.packageFolder ?? null,
    records,
    clock,
    log: log.child('serving'),
    notices,
    tinyMayServe: config.profile === 'practice',
    requiresSandbox: config.profile === 'open',
    isMeasuring: later.isMeasuring,
    activeJobs: () => later.provider()?.active().length ?? 0,
    endJobs: async () => later.provider()?.handBack(),
    handBacks,
    onChange: () => changed('work', 'models', 'network'),
  });
  onClose(() => serving.stop());
  return serving;
}
