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
const REPORT_MS_MAX = 30_000;

/** Holds a loaded model for a check, unless the owner or a measurement needs the machine. */
export function holdForChecks({ presence }: Foundation, selling: Selling): AnswerChecksOptions['hold'] {
  const { engines } = selling.serving;
  return (sha256) => {
    if (presence.current().decision === 'pause') return null;
    if (selling.measuring.benchmark.state().state === 'running') return null;
    const model = engines.list().find(({ file }) => file.sha256 === sha256);
    // A check is no reason to load a model, which could take the place of another one.
    if (model?.engine.status().state !== 'ready') return null;
    return engines.availability(model.file.id).kind === 'available' ? engines.hold(model.file.id) : null;
  };
}

export interface CheckingParts {
  readonly directory: Pick<Directory, 'avoid'>;
  readonly experience: Pick<Experience, 'noteEnd'>;
  readonly network: Pick<Network, 'fetch'>;
  readonly hold: AnswerChecksOptions['hold'];
  readonly verdicts: Pick<Verdicts, 'note'>;
  /** 0 to 1, exclusive; default: drawn. */
  readonly random?: () => number;
}

/** An alarm ends all purchases from the provider for a day, counts against it afterwards, and is reported to it. */
export function openAnswerChecks(
  { clock, log, onClose }: Pick<Surroundings, 'clock' | 'log' | 'onClose'>,
  { records }: Pick<Foundation, 'records'>,
  { directory, experience, network, hold, verdicts, random = Math.random }: CheckingParts,
): AnswerChecks {
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
    ...{ hold, records, clock, log: checksLog, random },
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
