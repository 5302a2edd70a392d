/** Job sources page: the owner's own machines, which are a network of their own. */
import { Row, Rows } from '../parts/rows.tsx';
import { Part } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { FactRows } from './sources-parts.tsx';

/** `isOwn`: this is the network of this run. */
export function MachinesPart({ isOwn }: { isOwn: boolean }) {
  const { t } = useStrings();
  return (
    <Part isTop title={t('sources.machines.title')} note={t('sources.machines.note')}>
      <Rows>
        <Row
          title={<b>{t(isOwn ? 'sources.machines.here' : 'sources.machines.choose')}</b>}
          note={t(isOwn ? 'sources.machines.hereNote' : 'sources.machines.chooseNote')}
          href={isOwn ? hrefTo('machines') : hrefTo('settings', 'general')}
        />
        {isOwn ? null : (
          <Row
            title={<b>{t('nav.machines')}</b>}
            note={t('machines.outside.lead')}
            href={hrefTo('machines')}
          />
        )}
        <FactRows asks={t('sources.machines.asks')} sees={t('sources.machines.sees')} />
      </Rows>
    </Part>
  );
}
