/** Dock: the status, today's earnings and Pause, on every page. */
import { useEffect, useRef, useState } from 'react';
import type { PauseUntil } from '../shared/presence.ts';
import { useAction } from './calls.ts';
import { writeMoment, writeNumber } from './format.ts';
import { Ticket, useIsFree, useMoneyText } from './parts/amount.tsx';
import { IconButton } from './parts/button.tsx';
import { Glyph } from './parts/glyph.tsx';
import { StatusWord } from './parts/pause.tsx';
import { useNow, useStrings } from './parts/strings.ts';
import { useShownStatus } from './shown-status.ts';
import { agent, useConnection, useSection } from './store.ts';

export function Dock() {
  const { t } = useStrings();
  const { status, label } = useShownStatus();
  return (
    <section className="dock" aria-label={t('shell.dock')}>
      <div className="dock-row">
        <Glyph status={status} isSmall />
        <div>
          <StatusWord word={label} />
          <TodayLine />
        </div>
        <DockButton />
      </div>
    </section>
  );
}

/** Today's earnings; without an agent, since when. */
export function TodayLine() {
  const { t, language } = useStrings();
  const { asset, earnedToday } = useSection('money');
  const own = useSection('machines');
  const isFree = useIsFree();
  const { status, lostAtMs } = useConnection();
  const moneyText = useMoneyText();
  const nowMs = useNow(60_000);
  if (status !== 'live') {
    return (
      <span className="sm">{t('home.since', { time: writeMoment(lostAtMs ?? nowMs, nowMs, language) })}</span>
    );
  }
  if (isFree && own !== null) {
    const tokens = own.machines.find(({ isSelf }) => isSelf)?.report?.served.outputTokens ?? 0;
    return <span className="sm">{t('machines.tokensShort', { tokens: writeNumber(tokens, language) })}</span>;
  }
  const amount = moneyText(earnedToday, asset);
  if (!asset.practice) return <span className="sm">{t('shell.today', { amount })}</span>;
  // The network's name next to it has the word: a narrow sidebar has no room for it twice.
  return (
    <span className="sm is-practice">
      <Ticket />
      <span aria-hidden="true">{amount}</span>
      <span className="for-readers">{t('shell.todayPractice', { amount })}</span>
    </span>
  );
}

/** Pause or Resume in one press. */
export function DockButton() {
  const { t } = useStrings();
  const { presence } = useSection('work');
  const { status } = useConnection();
  const pause = useAction((until: PauseUntil) => agent.presence.pause({ until }));
  const resume = useAction((_: null) => agent.presence.resume({}));
  const isPaused = presence.reason === 'paused-by-owner';
  return (
    <IconButton
      icon={isPaused ? 'play' : 'pause'}
      label={t(isPaused ? 'pause.resume' : 'pause.pause')}
      isDisabled={status !== 'live' || pause.busy || resume.busy}
      onPress={() => (isPaused ? resume.run(null) : pause.run('resume'))}
    />
  );
}

/** Tells screen readers of a new status or reason, on every page; not of each job or token. */
export function StatusNews() {
  const { why, label, sentence } = useShownStatus();
  const spoken = useRef(why);
  const [news, setNews] = useState('');
  useEffect(() => {
    if (why === spoken.current) return;
    spoken.current = why;
    setNews(`${label}. ${sentence}`);
  }, [why, label, sentence]);
  return (
    <p className="for-readers" role="status">
      {news}
    </p>
  );
}
