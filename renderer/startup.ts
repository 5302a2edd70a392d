/**
 * The current step of Idlewatt's start, from the first moment: the shell or the page server reports the steps before
 * there is a state, and the state contains the model's progress after that. The one source for every page.
 */
import { useSyncExternalStore } from 'react';
import { assertNever } from '../shared/assert.ts';
import { writeNumber } from './format.ts';
import { useStrings } from './parts/strings.ts';
import { reportedStartup, subscribeToStartup } from './startup-report.ts';
import { type StartupView, startupView } from './startup-view.ts';
import { useConnection, useKnownState } from './store.ts';

export type { StartupView } from './startup-view.ts';

/** May be used before the first state has arrived. */
export function useStartup(): StartupView {
  const startup = useSyncExternalStore(subscribeToStartup, reportedStartup);
  const { status, lostAtMs } = useConnection();
  return startupView({ startup, status, lostAtMs, state: useKnownState() });
}

/** One sentence in the page's language; null while Idlewatt runs. */
export function useStartupText(): string | null {
  const { t, language } = useStrings();
  const view = useStartup();
  const megabytes = (bytes: number) => writeNumber(Math.round(bytes / 1e6), language, 0);
  switch (view.kind) {
    case 'connecting':
      return t(view.isServing ? 'startup.reading' : 'line.connecting.text');
    case 'step':
      return view.again ? t('startup.again') : t(`startup.step.${view.step}`);
    case 'downloading': {
      const received = megabytes(view.receivedBytes);
      return view.totalBytes === null
        ? t('startup.downloadingUnknown', { model: view.model, received })
        : t('startup.downloading', { model: view.model, received, total: megabytes(view.totalBytes) });
    }
    case 'verifying':
      return t('startup.verifying', { model: view.model });
    case 'preparing':
      return t('startup.preparing', { model: view.model ?? t('common.aModel') });
    case 'loading':
      return t('startup.loading', { model: view.model ?? t('common.aModel') });
    case 'failed':
      return view.message ?? t('startup.failedOften');
    case 'lost':
      return t('startup.lost');
    case 'no-access':
      return t(view.reason === 'refused' ? 'line.refused.text' : 'line.noToken.text');
    case 'up':
      return null;
    default:
      return assertNever(view);
  }
}
