/** Settings page: who may buy from this machine, and which kinds of jobs are sold. */
import { JOB_CATEGORIES } from '../../shared/job-categories.ts';
import { KNOWN_PEERS_MAX, peerIdSchema, type Settings } from '../../shared/settings.ts';
import type { Change } from '../parts/doubts.tsx';
import { Segments } from '../parts/segments.tsx';
import { Part, Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { TextList } from '../parts/text-list.tsx';

interface BuyersProps {
  readonly settings: Settings;
  readonly change: Change;
}

/** Longest address that can be pasted for its peer ID. */
const ADDRESS_LENGTH_MAX = 400;
const BUYERS = ['anybody', 'known', 'listed'] as const;

export function BuyersPart({ settings, change }: BuyersProps) {
  const { t } = useStrings();
  const { sellTo, categoriesOff } = settings;
  return (
    <Part title={t('selling.buyers')} note={t('selling.buyersNote')}>
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
      {JOB_CATEGORIES.map((category) => (
        <Toggle
          key={category}
          label={t(`selling.category.${category}`)}
          {...(category === 'batch' ? { note: t('selling.batchNote') } : {})}
          isSelected={!categoriesOff.includes(category)}
          onChange={(on) => {
            const others = categoriesOff.filter((each) => each !== category);
            change({ categoriesOff: on ? others : [...others, category] });
          }}
        />
      ))}
    </Part>
  );
}

function KnownPeers({ settings, change }: BuyersProps) {
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
      isGood={(peer) => peerIdSchema.safeParse(peer).success}
      onChange={(list) => change({ knownPeers: [...list] })}
    />
  );
}
