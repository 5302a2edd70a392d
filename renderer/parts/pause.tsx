/** Main button of Home: Pause with its durations, or Resume. Next to it the button that fixes the reason for waiting. */
import { Button } from 'react-aria-components/Button';
import { type PauseUntil, pauseUntilSchema, type StartFor, startForSchema } from '../../shared/presence.ts';
import { REMEDY_SETTINGS, type Remedy, type SettingRemedy, waitsForOwner } from '../../shared/status.ts';
import { useAction } from '../calls.ts';
import { hrefTo } from '../route.ts';
import { agent, useConnection, useSection } from '../store.ts';
import { ActionButton, ActionLink, type ButtonKind, buttonClass } from './button.tsx';
import { Icon } from './icon.tsx';
import { MenuButton } from './menu.tsx';
import { useStrings } from './strings.ts';

function usePauseChoices(run: (until: PauseUntil) => void) {
  const { t } = useStrings();
  return pauseUntilSchema.options.map((until) => ({
    id: until,
    label: t(`pause.until.${until}`),
    onAction: () => run(until),
  }));
}

/** Pause until the owner resumes, in one press, or for a time from the menu; Resume while paused. */
export function PauseButton({ isDisabled = false }: { isDisabled?: boolean }) {
  const { t } = useStrings();
  const { presence } = useSection('work');
  const pause = useAction((until: PauseUntil) => agent.presence.pause({ until }));
  const resume = useAction((_: null) => agent.presence.resume({}));
  const choices = usePauseChoices(pause.run);
  if (presence.reason === 'paused-by-owner') {
    return (
      <ActionButton
        kind="primary"
        icon="play"
        onPress={() => resume.run(null)}
        isDisabled={isDisabled || resume.busy}
      >
        {t('pause.resume')}
      </ActionButton>
    );
  }
  return (
    <span className="split">
      <Button
        className={buttonClass({})}
        isDisabled={isDisabled || pause.busy}
        onPress={() => pause.run('resume')}
      >
        <Icon name="pause" />
        {t('pause.pause')}
      </Button>
      <MenuButton label={t('pause.menu')} choices={choices} isDisabled={isDisabled || pause.busy} />
    </span>
  );
}

/** Changes the end of a pause. */
export function ChangeTimeButton() {
  const { t } = useStrings();
  const pause = useAction((until: PauseUntil) => agent.presence.pause({ until }));
  const choices = usePauseChoices(pause.run);
  return (
    <MenuButton kind="quiet" label={t('pause.change')} choices={choices} isDisabled={pause.busy}>
      {t('pause.change')}
    </MenuButton>
  );
}

function useStartChoices(run: (duration: StartFor) => void) {
  const { t } = useStrings();
  return startForSchema.options.map((duration) => ({
    id: duration,
    label: t(`pause.startFor.${duration}`),
    onAction: () => run(duration),
  }));
}

/**
 * Starts although the owner uses the machine: for an hour in one press, or longer from the menu. Helps only where
 * {@link waitsForOwner}.
 */
export function StartButton() {
  const { t } = useStrings();
  const start = useAction((duration: StartFor) => agent.presence.startNow({ for: duration }));
  const choices = useStartChoices(start.run);
  return (
    <span className="split is-quiet">
      <ActionButton kind="quiet" onPress={() => start.run('1-hour')} isDisabled={start.busy}>
        {t('pause.start')}
      </ActionButton>
      <MenuButton kind="quiet" label={t('pause.startMenu')} choices={choices} isDisabled={start.busy} />
    </span>
  );
}

/** Times for which to start; afterwards these change the time, and another choice ends it. */
function useStartMenu() {
  const { t } = useStrings();
  const { presence } = useSection('work');
  const start = useAction((duration: StartFor) => agent.presence.startNow({ for: duration }));
  const end = useAction((_: null) => agent.presence.endStart({}));
  const choices = useStartChoices(start.run);
  const isStarted = presence.reason === 'started-by-owner';
  return {
    isStarted,
    isDisabled: start.busy || end.busy,
    choices: isStarted
      ? [...choices, { id: 'end', label: t('pause.endStart'), onAction: () => end.run(null) }]
      : choices,
  };
}

/** Starts for a time that is chosen from a menu; afterwards changes that time or ends it. */
export function StartMenu({ kind = 'plain' }: { kind?: ButtonKind }) {
  const { t } = useStrings();
  const { isStarted, ...menu } = useStartMenu();
  const label = t(isStarted ? 'pause.change' : 'pause.startMenu');
  return (
    <MenuButton kind={kind} label={label} {...menu}>
      {label}
    </MenuButton>
  );
}

/** The word of the status; where a start for a time helps, it opens that menu. */
export function StatusWord({ word }: { word: string }) {
  const { t } = useStrings();
  const { presence } = useSection('work');
  const { status } = useConnection();
  const { isStarted, ...menu } = useStartMenu();
  if (status !== 'live' || !(isStarted || waitsForOwner(presence.reason))) return <b>{word}</b>;
  return (
    <MenuButton kind="word" label={`${word}: ${t('settings.runNow')}`} {...menu}>
      <b>{word}</b>
    </MenuButton>
  );
}

/** Changes the one setting that ends the waiting, or opens the page where the owner can do so. */
export function RemedyButton({ remedy }: { remedy: Remedy }) {
  const { t } = useStrings();
  const change = useAction((fix: SettingRemedy) => agent.settings.change(REMEDY_SETTINGS[fix]));
  if (remedy === null) return null;
  if (remedy === 'open-models' || remedy === 'open-settings') {
    return (
      <ActionLink kind="quiet" href={hrefTo(remedy === 'open-models' ? 'models' : 'settings')}>
        {t(`remedy.${remedy}`)}
      </ActionLink>
    );
  }
  return (
    <ActionButton kind="quiet" isDisabled={change.busy} onPress={() => change.run(remedy)}>
      {t(`remedy.${remedy}`)}
    </ActionButton>
  );
}
