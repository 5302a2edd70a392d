/** Opens the reputation of providers: own experience and, in the open market, payments on the chain and audits of others. */

import type { Offer } from '../../shared/offer.ts';
import { verifySigned } from '../adapters/libp2p/index.ts';
import { createReferenceReader } from '../adapters/x402/index.ts';
import {
  type AuditReports,
  createAuditReports,
  createExperience,
  createReferences,
  type Experience,
  noteIdentity,
  type References,
} from '../core/reputation/index.ts';
import type { BuyingParts } from './buying.ts';
import { latest } from './latest.ts';
import type { Surroundings } from './surroundings.ts';

export interface Reputation {
  readonly experience: Experience;
  /** See `noteIdentity`. */
  noteOffer(offer: Offer): Offer;
}

type ReputationParts = Pick<BuyingParts, 'foundation' | 'money' | 'network'>;

export function openReputation(surroundings: Surroundings, parts: ReputationParts): Reputation {
  const { records, database } = parts.foundation;
  const references = latest<References>();
  const reports = latest<AuditReports>();
  const experience = createExperience({
    ...{ records, durability: database.durability, clock: surroundings.clock },
    settledCredit: (peer) => references.get()?.creditOf(peer) ?? 0,
    audits: (peer) => reports.get()?.of(peer) ?? [],
  });
  surroundings.onClose(() => experience.save());
  const opened = openReferences(surroundings, parts, experience);
  if (opened !== null) references.set(opened);
  if (parts.network.market !== null) reports.set(openAuditReports(surroundings, parts, experience));
  return {
    experience,
    noteOffer(offer) {
      noteIdentity(experience, offer);
      if (offer.binding !== null) references.get()?.consider(offer);
      reports.get()?.consider(offer.peer);
      return offer;
    },
  };
}

function openAuditReports(
  { clock, log, onClose }: Surroundings,
  { foundation, network }: ReputationParts,
  { isKnown, ownStanding }: Experience,
): AuditReports {
  const reports = createAuditReports({
    fetch: (peer, path, init) => network.fetch(peer, path, init),
    ...{ verifySigned, records: foundation.records, clock, log: log.child('market'), isKnown },
    standingOf: ownStanding,
  });
  onClose(() => reports.stop());
  return reports;
}

/** Returns null where there is no market, or nothing is paid. */
function openReferences(
  { clock, log, terms, onClose }: Surroundings,
  { foundation, money, network }: ReputationParts,
  { isKnown, isRetired }: Experience,
): References | null {
  if (network.market === null || !terms.isPaid) return null;
  const references = createReferences({
    fetch: (peer, path, init) => network.fetch(peer, path, init),
    read: createReferenceReader(money.node, money.chain),
    records: foundation.records,
    ...{ clock, log: log.child('market'), isKnown, isRetired },
  });
  onClose(() => references.stop());
  return references;
}
