/** Changes of settings on a page: saved immediately, but asked about first if a value is implausible. */
import { createContext, type ReactNode, useContext, useState } from 'react';
import { Dialog } from 'react-aria-components/Dialog';
import { Heading } from 'react-aria-components/Heading';
import { Modal, ModalOverlay } from 'react-aria-components/Modal';
import { type DoubtfulSetting, doubtsAbout, plausibleRange } from '../../shared/setting-doubts.ts';
import type { SettingsPatch } from '../../shared/settings.ts';
import { type Action, useChanges } from '../calls.ts';
import { writeNumber } from '../format.ts';
import { agent, useSection } from '../store.ts';
import { ActionButton } from './button.tsx';
import { useStrings } from './strings.ts';

/** Number of changes that the owner took back in the dialog: fields then show the stored value again. */
const TakenBack = createContext(0);

export function useTakenBack(): number {
  return useContext(TakenBack);
}

export type Change = (patch: SettingsPatch) => void;

/** Everything on a page that changes settings. There is one per page, because one dialog asks at a time. */
export function SettingsForm({
  children,
}: {
  children: (change: Change, saving: Action<SettingsPatch, unknown>) => ReactNode;
}) {
  const settings = useSection('settings');
  const saving = useChanges((patch: SettingsPatch) => agent.settings.change(patch));
  const [asked, setAsked] = useState<SettingsPatch | null>(null);
  const [takenBack, setTakenBack] = useState(0);
  const change: Change = (patch) => {
    if (doubtsAbout(patch, settings).length > 0) setAsked(patch);
    else saving.run(patch);
  };
  const keep = () => {
    setAsked(null);
    setTakenBack((before) => before + 1);
  };
  const save = () => {
    if (asked !== null) saving.run(asked);
    setAsked(null);
  };
  return (
    <TakenBack value={takenBack}>
      {children(change, saving)}
      <Doubts names={asked === null ? [] : doubtsAbout(asked, settings)} onKeep={keep} onSave={save} />
    </TakenBack>
  );
}

function Doubts(props: { names: readonly DoubtfulSetting[]; onKeep: () => void; onSave: () => void }) {
  const { t, language } = useStrings();
  const { coin } = useSection('money');
  const textOf = (name: DoubtfulSetting) => {
    const { from, to, decimals } = plausibleRange(name);
    const write = (value: bigint) => writeNumber(Number(value) / 10 ** decimals, language, decimals);
    return t(`doubt.${name}`, { from: write(from), to: write(to), coin: coin.symbol });
  };
  return (
    <ModalOverlay className="overlay" isOpen={props.names.length > 0} onOpenChange={props.onKeep}>
      <Modal className="modal">
        <Dialog className="dialog" role="alertdialog">
          <Heading slot="title">{t('doubt.title')}</Heading>
          {props.names.map((name) => (
            <p key={name}>{textOf(name)}</p>
          ))}
          <div className="dialog-actions">
            {/* Not focused: the Enter key that ended the input would press it when it is released. */}
            <ActionButton onPress={props.onKeep}>{t('doubt.keep')}</ActionButton>
            <ActionButton kind="primary" onPress={props.onSave}>
              {t('doubt.save')}
            </ActionButton>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
