/** More: on a phone, the pages that have no place in the bar. */

import { writeNumber } from '../format.ts';
import { temperatureOf } from '../lately.ts';
import { useIsFree } from '../parts/amount.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { useModelName, useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { SearchButton } from '../search.tsx';
import { useSection } from '../store.ts';

export function More() {
  const { t, language } = useStrings();
  const { model } = useSection('work');
  const machine = useSection('machine');
  const { scheduleOn } = useSection('settings');
  const app = useSection('app');
  const { peers } = useSection('network');
  const isOwn = useIsFree();
  const machines = useSection('machines');
  const modelName = useModelName();
  const watts = machine.readings.watts?.value ?? machine.watts;
  const celsius = temperatureOf(machine);
  const live = [
    watts === null ? null : `${writeNumber(watts, language)} W`,
    celsius === null ? null : `${writeNumber(celsius, language)} °C`,
  ].filter((part) => part !== null);
  return (
    <>
      <PageHead title={t('nav.more')}>
        <SearchButton />
      </PageHead>
      <Rows label={t('more.machine')}>
        <Row
          icon="models"
          title={t('nav.models')}
          note={model === null ? t('more.noModel') : modelName(model)}
          href={hrefTo('models')}
        />
        <Row icon="sources" title={t('nav.sources')} note={t('more.sources')} href={hrefTo('sources')} />
        <Row
          icon="machine"
          title={t('nav.machine')}
          note={live.length > 0 ? live.join(' · ') : machine.hostname}
          href={hrefTo('machine')}
        />
        <Row
          icon="schedule"
          title={t('nav.schedule')}
          note={t(scheduleOn ? 'more.scheduleOn' : 'more.scheduleOff')}
          href={hrefTo('schedule')}
        />
      </Rows>
      <Rows label={t('more.network')}>
        {isOwn ? null : <Row icon="use" title={t('nav.use')} note={t('more.use')} href={hrefTo('use')} />}
        <Row
          icon="network"
          title={t('nav.network')}
          note={t('more.peers', { count: peers.filter(({ connected }) => connected).length })}
          href={hrefTo('network')}
        />
        {!isOwn && machines !== null ? (
          <Row
            icon="machines"
            title={t('nav.machines')}
            note={t('machines.summary')}
            href={hrefTo('machines')}
          />
        ) : null}
      </Rows>
      <Rows label={t('more.app')}>
        <Row
          icon="settings"
          title={t('nav.settings')}
          note={`${t(`profile.${app.profile}`)} · ${app.version}`}
          href={hrefTo('settings')}
        />
        <Row icon="info" title={t('nav.welcome')} note={t('more.welcome')} href={hrefTo('welcome')} />
      </Rows>
    </>
  );
}
