/** Opens the checks of bought answers: they run on the engines that this machine serves with, when it may work. */
import {
  type AnswerChecks,
  type AnswerChecksOptions,
  createAnswerChecks,
} from '../core/answer-checks/index.ts';
import type { Directory } from '../core/network/index.ts';
import type { Foundation } from './foundation.ts';
import type { Selling } from './selling.ts';
import type { Surroundings } from './surroundings.ts';

/** Nothing is bought for a day from a provider whose answers can hardly be honest. */
const AVOID_MS = 86_400_000;

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

export function openAnswerChecks(
  { clock, log, onClose }: Surroundings,
  { records }: Pick<Foundation, 'records'>,
  { directory, hold }: { readonly directory: Directory; readonly hold: AnswerChecksOptions['hold'] },
): AnswerChecks {
  const checksLog = log.child('answer-checks');
  const checks = createAnswerChecks({
    ...{ hold, records, clock, log: checksLog, random: Math.random },
    onAlarm(peer) {
      checksLog.warn('A provider’s answers are not those of its model; nothing is bought from it for a day', {
        provider: peer,
      });
      directory.avoid(peer, AVOID_MS);
    },
  });
  onClose(() => checks.stop());
  return checks;
}
