/** Job sources page: the Bittensor hotkeys that may use this machine for free. */
import { shorten } from '../format.ts';
import { CopyButton } from '../parts/copy.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { Part } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';
import { FactRows, type SourceProps } from './sources-parts.tsx';

/** It is set up on the command line only. */
export function BittensorPart({ settings }: Pick<SourceProps, 'settings'>) {
  const { t } = useStrings();
  const { url, hotkey } = useSection('bittensor');
  const { bittensorHotkeys, bittensorNames } = settings;
  const names = bittensorHotkeys.map((each) => bittensorNames[each] ?? `…${each.slice(-8)}`);
  return (
    <Part isTop title={t('sources.bittensor.title')} note={t('sources.bittensor.note')}>
      <Rows>
        <Row
          title={<b>{t('horde.status')}</b>}
          note={url === null ? t('sources.bittensor.off') : t('sources.bittensor.open', { url })}
        />
        {hotkey === null ? null : (
          <Row
            title={<b>{t('sources.bittensor.own')}</b>}
            end={
              <span className="identifier">
                <code>{shorten(hotkey, 6, 6)}</code>{' '}
                <CopyButton text={hotkey} label={t('sources.bittensor.own')} isIcon />
              </span>
            }
          />
        )}
        <Row
          title={<b>{t('sources.bittensor.allowed')}</b>}
          note={names.length === 0 ? t('sources.bittensor.none') : names.join(', ')}
        />
        <FactRows asks={t('sources.bittensor.asks')} sees={t('sources.bittensor.sees')} />
        <Row title={<b>{t('sources.bittensor.subnet')}</b>} note={t('sources.bittensor.subnetNote')} />
      </Rows>
    </Part>
  );
}
