/** Main button of Home: Pause with its durations, or Resume. Next to it the button that fixes the reason for waiting. */
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { type PauseUntil, pauseUntilSchema } from '../../shared/presence.ts';
import { REMEDY_SETTINGS, type Remedy, type SettingRemedy } from '../../shared/status.ts';
import { useAction } from '../calls.ts';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';
import { ProblemNote } from './problem.tsx';
import { useStrings } from './strings.ts';

export function PauseButton() {
  const { t } = useStrings();
  const { presence } = useSection('work');
  const pause = useAction((until: PauseUntil) => agent.presence.pause({ until }));
  const resume = useAction((_: null) => agent.presence.resume({}));
  if (presence.reason === 'paused-by-owner') {
    return (
      <>
        <Button className="button is-main" onPress={() => resume.run(null)} isDisabled={resume.busy}>
          {t('pause.resume')}
        </Button>
        <ProblemNote problem={resume.problem} />
      </>
    );
  }
  return (
    <>
      <MenuTrigger>
        <Button className="button is-main" isDisabled={pause.busy}>
          {t('pause.pause')}
          <svg className="caret" viewBox="0 0 12 8" aria-hidden="true">
            <path d="m1 1.5 5 5 5-5" />
          </svg>
        </Button>
        <Popover className="menu-popover" placement="bottom start" offset={6}>
          <Menu className="menu" aria-label={t('pause.menu')}>
            {pauseUntilSchema.options.map((until) => (
              <MenuItem key={until} id={until} className="menu-item" onAction={() => pause.run(until)}>
                {t(`pause.until.${until}`)}
              </MenuItem>
            ))}
          </Menu>
        </Popover>
      </MenuTrigger>
      <ProblemNote problem={pause.problem} />
    </>
  );
}

/** Changes the one setting that ends the waiting, or opens the page where the owner can do so. */
export function RemedyButton({ remedy }: { remedy: Remedy }) {
  const { t } = useStrings();
  const change = useAction((fix: SettingRemedy) => agent.settings.change(REMEDY_SETTINGS[fix]));
  if (remedy === null) return null;
  if (remedy === 'open-models' || remedy === 'open-settings') {
    return (
      <a className="button" href={hrefTo(remedy === 'open-models' ? 'models' : 'settings')}>
        {t(`remedy.${remedy}`)}
      </a>
    );
  }
  return (
    <>
      <Button className="button" isDisabled={change.busy} onPress={() => change.run(remedy)}>
        {t(`remedy.${remedy}`)}
      </Button>
      <ProblemNote problem={change.problem} />
    </>
  );
}
