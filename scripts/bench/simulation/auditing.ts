/**
 * Checks of a simulated buyer against answers of another model: the agent's own ones with their alarms, its signed verdicts,
 * and the verdicts of peers that it knows. Only the model that repeats the answers is simulated.
 */
import { openAnswerChecks } from '../../../main/agent/checking.ts';
import {
  type BuyOpinion,
  createVerdicts,
  type ProvenAnswer,
} from '../../../main/core/answer-checks/index.ts';
import type { Directory } from '../../../main/core/network/index.ts';
import {
  type AuditReports,
  createAuditReports,
  type Experience,
} from '../../../main/core/reputation/index.ts';
import type { GenerateEvent, GenerateRequest } from '../../../main/ports/engine.ts';
import type { Log } from '../../../main/ports/log.ts';
import type { Network } from '../../../main/ports/network.ts';
import type { RecordStore } from '../../../main/ports/store.ts';
import type { OpinionSource } from '../../../shared/answer-check.ts';
import type { Market } from './market.ts';
import { isOfOtherModel, SAMPLING, type SimulatedProvider } from './provider.ts';

/** Of a token that one step coarser weights draw otherwise, as measured: docs/audit.md has a mean of 0.29 over all. */
const GAP_MAX = 1.92;

export interface AuditingParts {
  readonly market: Market;
  /** The provider with the same peer key, which holds the model; null for a buyer that sells nothing. */
  readonly own: SimulatedProvider | null;
  readonly records: RecordStore;
  readonly log: Log;
  readonly network: Pick<Network, 'fetch'>;
  readonly directory: Pick<Directory, 'avoid'>;
  readonly experience: Experience;
  /** By the owner's decision. */
  readonly opinionsFrom: OpinionSource;
  /** Null: answers of a model that the buyer doesn't have aren't checked. */
  readonly buyOpinion: BuyOpinion | null;
}

export interface Auditing {
  /** See `AnswerChecks.consider`. */
  consider(answer: ProvenAnswer): void;
}

export function openAuditing(parts: AuditingParts): Auditing {
  const { market, own, records, log, network, directory, experience, buyOpinion, opinionsFrom } = parts;
  const { clock, random } = market;
  // A machine without the file repeats nothing, and so signs nothing.
  const key = { peer: own?.peer ?? '', sign: async (payload: object) => JSON.stringify(payload) };
  const verdicts = createVerdicts({ records, key, log });
  if (own !== null) own.verdicts = verdicts.list;
  return openAnswerChecks(
    { clock, log, onClose: () => undefined },
    { records },
    {
      ...{ directory, experience, network, verdicts, buyOpinion, random: random.next },
      opinionsFrom: () => opinionsFrom,
      serves: () => own !== null,
      hold: () => ({ generate: (request) => repeat(market, request), release: () => undefined }),
    },
  );
}

async function* repeat({ random }: Market, request: GenerateRequest): AsyncGenerator<GenerateEvent> {
  yield { type: 'start', inputTokens: 0, sampling: { ...SAMPLING, seed: request.seed ?? 0 } };
  const gaps = (request.claimedTokens ?? []).map((token) =>
    isOfOtherModel(token) ? random.between(0, GAP_MAX) : 0,
  );
  yield { type: 'gaps', gaps };
}

/** Verdicts of peers that the buyer knows. */
export function openReports(
  { market, records, log, network }: Pick<AuditingParts, 'market' | 'records' | 'log' | 'network'>,
  experience: () => Experience,
): AuditReports {
  return createAuditReports({
    ...{ fetch: network.fetch, records, clock: market.clock, log },
    verifySigned: async (jws) => JSON.parse(jws),
    isKnown: (peer) => experience().isKnown(peer),
    standingOf: (peer) => experience().ownStanding(peer),
  });
}
