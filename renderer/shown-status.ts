/** The status as pages show it, with its sentence: the agent's, or that this page has lost its agent. */

import { statusModels, statusOf } from '../shared/status.ts';
import { writeMoment } from './format.ts';
import { useIsFree } from './parts/amount.tsx';
import type { ShownStatus } from './parts/glyph.tsx';
import { useModelName, useNow, useStrings } from './parts/strings.ts';
import { useStartup, useStartupText } from './startup.ts';
import { useConnection, useSection } from './store.ts';

export interface Shown {
  readonly status: ShownStatus;
  /** Changes when the status or its reason does, not with each number. */
  readonly why: string;
  /** One or two words. */
  readonly label: string;
  /** The reason, and what comes next. */
  readonly sentence: string;
}

export function useShownStatus(): Shown {
  const { t, language } = useStrings();
  const work = useSection('work');
  const settings = useSection('settings');
  const { models } = useSection('models');
  const connection = useConnection();
  const isOwn = useIsFree();
  const modelName = useModelName();
  const nowMs = useNow(60_000);
  const start = useStart();
  if (start !== null) return start;
  if (connection.status !== 'live') {
    const time = writeMoment(connection.lostAtMs ?? nowMs, nowMs, language);
    return {
      ...{ status: 'offline', why: 'offline' },
      label: t('status.offline'),
      sentence: t('line.reconnecting.text', { time }),
    };
  }
  const { status, why } = statusOf(work);
  const download = models.find((model) => model.progress !== null);
  if (why === 'no-model' && download !== undefined) {
    return {
      ...{ status: 'starting', why: 'downloading' },
      label: t('status.starting'),
      sentence: t('home.downloading', { model: download.name }),
    };
  }
  return {
    ...{ status, why },
    // Nothing is earned among the owner's machines.
    label: t(status === 'earning' && isOwn ? 'machines.state.working' : `status.${status}`),
    sentence: t(`why.${why}`, {
      count: work.activeJobs.length,
      model: statusModels(work).map(modelName).join(' + ') || t('common.aModel'),
      // The live view has the speed; in the sentence it would change every second.
      speed: '',
      minutes: settings.idleMinutes,
      time: work.presence.untilMs === null ? '' : writeMoment(work.presence.untilMs, nowMs, language),
    }),
  };
}

/** The status while Idlewatt starts, can't start, or doesn't let this page in; null while it runs or is lost. */
function useStart(): Shown | null {
  const { t } = useStrings();
  const view = useStartup();
  const text = useStartupText();
  switch (view.kind) {
    case 'up':
    case 'lost':
    case 'connecting':
      return null;
    case 'failed':
      return { status: 'stopped', why: view.kind, label: t('status.stopped'), sentence: text ?? '' };
    case 'no-access':
      return { status: 'offline', why: view.reason, label: t('status.offline'), sentence: text ?? '' };
    case 'downloading':
      return {
        ...{ status: 'starting', why: view.kind },
        label: t('status.starting'),
        sentence: t('home.downloading', { model: view.model }),
      };
    default:
      return { status: 'starting', why: view.kind, label: t('status.starting'), sentence: text ?? '' };
  }
}
