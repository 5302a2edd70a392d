/** Settings page: who may buy from this machine, and which kinds of jobs are sold. */
import { useState } from 'react';
import { FieldError } from 'react-aria-components/FieldError';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import { JOB_CATEGORIES } from '../../shared/job-categories.ts';
import { KNOWN_PEERS_MAX, peerIdSchema, type Settings } from '../../shared/settings.ts';
import { ActionButton } from '../parts/button.tsx';
import type { Change } from '../parts/doubts.tsx';
import { Row } from '../parts/rows.tsx';
import { Segments } from '../parts/segments.tsx';
import { Part, Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';

interface BuyersProps {
  readonly settings: Settings;
  readonly change: Change;
}

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
  const { knownPeers } = settings;
  return (
    <>
      {knownPeers.length === 0 ? <p className="row-line soft">{t('selling.peersNone')}</p> : null}
      <ul className="rows" aria-label={t('selling.peers')}>
        {knownPeers.map((peer) => (
          <Row
            key={peer}
            title={<code className="peer-id">{peer}</code>}
            end={
              <ActionButton
                isSmall
                label={t('selling.removePeerOf', { peer })}
                onPress={() => change({ knownPeers: knownPeers.filter((other) => other !== peer) })}
              >
                {t('selling.removePeer')}
              </ActionButton>
            }
          />
        ))}
      </ul>
      {knownPeers.length < KNOWN_PEERS_MAX ? <AddPeer settings={settings} change={change} /> : null}
    </>
  );
}

function AddPeer({ settings, change }: BuyersProps) {
  const { t } = useStrings();
  const [typed, setTyped] = useState('');
  const { knownPeers } = settings;
  // People copy whole addresses.
  const peer = typed.trim().split('/p2p/').at(-1) ?? '';
  const isGood = peerIdSchema.safeParse(peer).success;
  const add = () => {
    change({ knownPeers: [...knownPeers, peer] });
    setTyped('');
  };
  return (
    <TextField
      className="field settings-group"
      value={typed}
      onChange={setTyped}
      maxLength={400}
      isInvalid={typed.trim() !== '' && !isGood}
    >
      <Label className="field-label">{t('selling.addPeerLabel')}</Label>
      <div className="field-line">
        <Input className="input" />
        <ActionButton isSmall isDisabled={!isGood || knownPeers.includes(peer)} onPress={add}>
          {t('selling.addPeer')}
        </ActionButton>
      </div>
      <FieldError className="field-error">{t('selling.badPeer')}</FieldError>
    </TextField>
  );
}
