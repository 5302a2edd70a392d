/** First run in three steps, each of which can be skipped: what Idlewatt does, the measurement, the first job. */
import { useEffect, useRef } from 'react';
import { useAction } from '../calls.ts';
import { ActionButton, ActionLink } from '../parts/button.tsx';
import { Logo } from '../parts/icon.tsx';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { agent } from '../store.ts';
import { FirstJob } from './welcome-job.tsx';
import { Measurement } from './welcome-measurement.tsx';
import { Promises } from './welcome-promises.tsx';

const STEPS = 3;

/** `item` is the step, from 1. */
export function Welcome({ item }: { item: string | null }) {
  const step = item === '2' || item === '3' ? Number(item) : 1;
  const main = useRef<HTMLElement>(null);
  const shown = useRef(step);
  useEffect(() => {
    if (shown.current === step) return;
    shown.current = step;
    main.current?.focus();
    window.scrollTo(0, 0);
  }, [step]);
  return (
    <div className="first">
      <WelcomeTop />
      <main ref={main} tabIndex={-1}>
        <div className="page">
          <div className="first-page">
            {step === 1 ? <Promises /> : step === 2 ? <Measurement /> : <FirstJob />}
          </div>
        </div>
      </main>
      <WelcomeFoot step={step} />
    </div>
  );
}

/** Ends the introduction for good. */
function useEnd() {
  return useAction(async (page: 'home' | 'use') => {
    await agent.settings.change({ welcomeSeen: true });
    window.location.hash = hrefTo(page);
  });
}

function WelcomeTop() {
  const { t } = useStrings();
  const end = useEnd();
  return (
    <header className="first-top">
      <span className="brand">
        <Logo />
        <span>Idlewatt</span>
      </span>
      <ActionButton kind="quiet" onPress={() => end.run('home')} isDisabled={end.busy}>
        {t('welcome.skip')}
      </ActionButton>
    </header>
  );
}

function WelcomeFoot({ step }: { step: number }) {
  const { t } = useStrings();
  const end = useEnd();
  return (
    <footer className="first-foot">
      <Progress step={step} />
      {step === 1 ? (
        <>
          <ActionButton kind="quiet" onPress={() => end.run('use')} isDisabled={end.busy}>
            {t('welcome.onlyBuy')}
          </ActionButton>
          <ActionLink kind="primary" href={hrefTo('welcome', '2')} iconAfter="arrow">
            {t('welcome.toMeasurement')}
          </ActionLink>
        </>
      ) : step === 2 ? (
        <>
          <ActionLink kind="quiet" href={hrefTo('welcome', '1')}>
            {t('common.back')}
          </ActionLink>
          <ActionLink kind="primary" href={hrefTo('welcome', '3')} iconAfter="arrow">
            {t('welcome.continue')}
          </ActionLink>
        </>
      ) : (
        <>
          <ActionLink kind="quiet" href={hrefTo('welcome', '2')}>
            {t('common.back')}
          </ActionLink>
          <ActionButton kind="primary" onPress={() => end.run('home')} isDisabled={end.busy}>
            {t('welcome.open')}
          </ActionButton>
        </>
      )}
    </footer>
  );
}

function Progress({ step }: { step: number }) {
  const { t } = useStrings();
  return (
    <div className="steps">
      {Array.from({ length: STEPS }, (_, index) => (
        <i key={index} className={index < step ? 'is-done' : undefined} />
      ))}
      <span>{t('welcome.step', { step, steps: STEPS })}</span>
    </div>
  );
}
