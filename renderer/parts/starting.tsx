/** Shown until the first state has arrived: what the start is doing, or why there is no connection. */
import { useRef } from 'react';
import { useStartup, useStartupText } from '../startup.ts';
import { Logo } from './icon.tsx';
import { useNow, useStrings } from './strings.ts';

/** Time without a message while nothing is known: one that only flashes is worse than none. */
const EMPTY_MS = 900;
/** A step that takes longer than this is worth a word. */
const SLOW_MS = 10_000;

export function StartingScreen() {
  const { t } = useStrings();
  const view = useStartup();
  const sentence = useStartupText();
  const nowMs = useNow(300);
  const since = useRef(nowMs);
  if (view.kind === 'connecting' && !view.isServing && nowMs - since.current < EMPTY_MS)
    return <main className="connecting" />;
  return (
    <main className="connecting">
      <div className="connecting-card">
        <p className="brand">
          <Logo />
          <span>Idlewatt</span>
        </p>
        <Title />
        <p role={view.kind === 'failed' ? 'alert' : 'status'}>{sentence}</p>
        {view.kind === 'step' && nowMs - view.sinceMs > SLOW_MS ? (
          <p className="soft">{t('line.slow')}</p>
        ) : null}
      </div>
    </main>
  );
}

function Title() {
  const { t } = useStrings();
  const view = useStartup();
  switch (view.kind) {
    case 'failed':
      return <h1>{t(view.hasRun ? 'startup.stoppedTitle' : 'startup.failedTitle')}</h1>;
    case 'no-access':
      return <h1>{t(view.reason === 'refused' ? 'line.refused.title' : 'line.noToken.title')}</h1>;
    case 'connecting':
      return <h1>{t(view.isServing ? 'startup.title' : 'line.connecting.title')}</h1>;
    case 'lost':
      return <h1>{t('line.connecting.title')}</h1>;
    default:
      return <h1>{t('startup.title')}</h1>;
  }
}
