/** Job sources page: the market of peers, the choice of buyers, and the kinds of jobs that are sold. */
import { JOB_CATEGORIES } from '../../shared/job-categories.ts';
import { KNOWN_PEERS_MAX, PEER_ID } from '../../shared/settings.ts';
import { Row, Rows } from '../parts/rows.tsx';
import { RuledNote, useIsRuled } from '../parts/ruled-note.tsx';
import { Segments } from '../parts/segments.tsx';
import { Part, Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { TextList } from '../parts/text-list.tsx';
import { hrefTo } from '../route.ts';
import { FactRows, PaidRow, type SourceProps } from './sources-parts.tsx';

/** Longest address that can be pasted for its peer ID. */
const ADDRESS_LENGTH_MAX = 400;
const BUYERS = ['anybody', 'known', 'listed'] as const;

export function MarketPart({ settings, change, paid }: SourceProps) {
  const { t } = useStrings();
  const { marketOn, sellTo } = settings;
  return (
    <Part isTop title={t('sources.market.title')} note={t('sources.market.note')}>
      <Toggle
        label={t('sources.market.on')}
        note={t('sources.market.onNote')}
        isSelected={marketOn}
        onChange={(on) => change({ marketOn: on })}
      />
      <Rows>
        <PaidRow source="market" paid={paid} />
        <FactRows asks={t('sources.market.asks')} sees={t('sources.market.sees')} />
      </Rows>
      <div className="settings-seg">
        <Segments
          label={t('selling.sellTo')}
          labelShown
          value={sellTo}
          onChange={(value) => change({ sellTo: value })}
          options={BUYERS.map((value) => ({ value, label: t(`selling.sellToOf.${value}`) }))}
        />
      </div>
      <p className="settings-note sm soft">{t(`selling.sellToMeaning.${sellTo}`)}</p>
      {sellTo === 'anybody' ? null : <KnownPeers settings={settings} change={change} />}
      <Rows>
        <Row title={<b>{t('sources.market.prices')}</b>} href={hrefTo('settings', 'selling')} />
      </Rows>
    </Part>
  );
}

export function KindsPart({ settings: { categoriesOff }, change }: Omit<SourceProps, 'paid'>) {
  const { t } = useStrings();
  const isRuled = useIsRuled();
  return (
    <Part isTop title={t('sources.kinds.title')} note={t('sources.kinds.note')}>
      <RuledNote groups={['jobs']} />
      {JOB_CATEGORIES.map((category) => (
        <Toggle
          key={category}
          label={t(`selling.category.${category}`)}
          note={t(`selling.categoryNote.${category}`)}
          isSelected={!categoriesOff.includes(category)}
          isDisabled={isRuled('categoriesOff')}
          onChange={(on) => {
            const others = categoriesOff.filter((each) => each !== category);
            change({ categoriesOff: on ? others : [...others, category] });
          }}
        />
      ))}
    </Part>
  );
}

function KnownPeers({ settings, change }: Omit<SourceProps, 'paid'>) {
  const { t } = useStrings();
  return (
    <TextList
      words={{
        title: t('selling.peers'),
        none: t('selling.peersNone'),
        field: t('selling.addPeerLabel'),
        add: t('selling.addPeer'),
        bad: t('selling.badPeer'),
      }}
      list={settings.knownPeers}
      max={KNOWN_PEERS_MAX}
      lengthMax={ADDRESS_LENGTH_MAX}
      isBusy={false}
      // People copy whole addresses.
      normalize={(typed) => typed.trim().split('/p2p/').at(-1) ?? ''}
      isGood={(peer) => PEER_ID.test(peer)}
      onChange={(list) => change({ knownPeers: [...list] })}
    />
  );
}
