/** Opens the checks of bought answers, which run on the engines that this machine serves with, and takes those of others. */
import type { CheckReport } from '../../shared/answer-check.ts';
import { CHECK_REPORTS_PATH } from '../../shared/wire.ts';
import {
  type AnswerChecks,
  type AnswerChecksOptions,
  createAnswerChecks,
  createReceivedChecks,
  createVerdicts,
  type ReceivedChecks,
  type Verdicts,
} from '../core/answer-checks/index.ts';
import type { Directory } from '../core/network/index.ts';
import type { Experience } from '../core/reputation/index.ts';
import type { Network } from '../ports/network.ts';
import type { Foundation } from './foundation.ts';
import { logFault } from './log.ts';
import type { Selling } from './selling.ts';
import type { Surroundings } from './surroundings.ts';

/** Nothing is bought for a day from a provider whose answers can hardly be honest. */
const AVOID_MS = 86_400_000;
/** A provider that two others contradict is left out until the next answers show more. */
const DOUBT_MS = 3_600_000;
const REPORT_MS_MAX = 30_000;

/** The models that this machine can check with. */
export type CheckModels = Pick<AnswerChecksOptions, 'serves' | 'hold'>;

/** Holds a loaded model for a check, unless the owner or a measurement needs the machine. */
export function modelsForChecks({ presence }: Foundation, selling: Selling): CheckModels {
  const { engines } = selling.serving;
  const find = (sha256: string) => engines.list().find(({ file }) => file.sha256 === sha256);
  const hold: CheckModels['hold'] = (sha256) => {
    if (presence.current().decision === 'pause') return null;
    if (selling.measuring.benchmark.state().state === 'running') return null;
    const model = find(sha256);
    // A check is no reason to load a model, which could take the place of another one.
    if (model?.engine.status().state !== 'ready') return null;
    return engines.availability(model.file.id).kind === 'available' ? engines.hold(model.file.id) : null;
  };
  return { serves: (sha256) => find(sha256) !== undefined, hold };
}

export interface CheckingParts extends CheckModels, Pick<AnswerChecksOptions, 'buyOpinion' | 'opinionsFrom'> {
  readonly directory: Pick<Directory, 'avoid'>;
  readonly experience: Pick<Experience, 'noteEnd' | 'isKnown'>;
  readonly network: Pick<Network, 'fetch'>;
  readonly verdicts: Pick<Verdicts, 'note'>;
  /** 0 to 1, exclusive; default: drawn. */
  readonly random?: () => number;
}

/**
 * An alarm ends all purchases from the provider for a day, counts against it afterwards, and is reported to it. Others hear
 * only of answers that were repeated here, because two providers can be wrong together.
 */
export function openAnswerChecks(
  { clock, log, onClose }: Pick<Surroundings, 'clock' | 'log' | 'onClose'>,
  { records }: Pick<Foundation, 'records'>,
  parts: CheckingParts,
): AnswerChecks {
  const { directory, experience, network, verdicts, random = Math.random } = parts;
  const checksLog = log.child('answer-checks');
  const report = async (peer: string, jobId: string, facts: CheckReport) => {
    const response = await network.fetch(peer, `${CHECK_REPORTS_PATH}/${encodeURIComponent(jobId)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(facts),
      signal: AbortSignal.timeout(REPORT_MS_MAX),
    });
    await response.body?.cancel();
  };
  const checks = createAnswerChecks({
    ...{ ...parts, records, clock, log: checksLog, random },
    isKnown: experience.isKnown,
    onDoubt(peer) {
      checksLog.info('Two providers contradict the answer of another one, which is left out for an hour', {
        peer,
      });
      directory.avoid(peer, DOUBT_MS);
    },
    onChecked({ peer, sha256 }, { isAlarm, atMs }, { answers, tokens }) {
      verdicts
        .note({ provider: peer, sha256, answers, tokens, hasPassed: !isAlarm, atMs })
        .catch(logFault(checksLog, 'A verdict could not be signed'));
    },
    onAlarm({ peer, sha256, soldJobId }, { tokens, differing, gapMean, logStanding }) {
      checksLog.warn('A provider’s answers are not those of its model; nothing is bought from it for a day', {
        provider: peer,
      });
      directory.avoid(peer, AVOID_MS);
      experience.noteEnd(peer, sha256, { kind: 'cheated' });
      report(peer, soldJobId, { tokens, differing, gapMean, logStanding }).catch(() => {
        checksLog.info('The alarm could not be reported to the provider', { provider: peer });
      });
    },
  });
  onClose(() => checks.stop());
  return checks;
}

/** Opens the signed results of this machine's checks, for other buyers. */
export function openVerdicts(
  { log }: Pick<Surroundings, 'log'>,
  { records }: Pick<Foundation, 'records'>,
  { key }: Pick<Network, 'key'>,
): Verdicts {
  return createVerdicts({ records, key, log: log.child('answer-checks') });
}

/** Takes what buyers report on answers of this machine. */
export function openReceivedChecks(
  { clock, log }: Pick<Surroundings, 'clock' | 'log'>,
  { records, database }: Pick<Foundation, 'records' | 'database'>,
): ReceivedChecks {
  return createReceivedChecks({
    ...{ records, clock, findJob: (id) => database.jobs.find(id) },
    onReport({ id, peer }, { tokens, differing, gapMean }) {
      const facts = { job: id, buyer: peer, tokens, differing, gapMean };
      log.child('answer-checks').warn('A buyer reports that an answer is not the model’s', facts);
    },
  });
}
