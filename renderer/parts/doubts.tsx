/** Asks before an implausible value of a setting is saved. */
import { type ReactNode, useState } from 'react';
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { doubtsAbout } from '../../shared/setting-doubts.ts';
import type { Settings, SettingsPatch } from '../../shared/settings.ts';
import { ActionButton } from './button.tsx';
import { useStrings } from './strings.ts';

/** Wraps a change of settings. Show `dialog` anywhere on the page; fields keep the former value if the owner declines. */
export function useDoubts(
  settings: Settings,
  change: (patch: SettingsPatch) => void,
): { readonly change: (patch: SettingsPatch) => void; readonly dialog: ReactNode } {
  const { t } = useStrings();
  const [asked, setAsked] = useState<SettingsPatch | null>(null);
  const doubts = asked === null ? [] : doubtsAbout(asked, settings);
  const close = () => setAsked(null);
  return {
    change(patch) {
      if (doubtsAbout(patch, settings).length > 0) setAsked(patch);
      else change(patch);
    },
    dialog: (
      <ModalOverlay className="overlay" isOpen={asked !== null} onOpenChange={close}>
        <Modal className="modal">
          <Dialog className="dialog" role="alertdialog">
            <Heading slot="title">{t('doubt.title')}</Heading>
            {doubts.map((name) => (
              <p key={name}>{t(`doubt.${name}`)}</p>
            ))}
            <div className="dialog-actions">
              {/* Not focused: the Enter key that ended the input would press it when it is released. */}
              <ActionButton onPress={close}>{t('doubt.keep')}</ActionButton>
              <ActionButton
                kind="primary"
                onPress={() => {
                  if (asked !== null) change(asked);
                  close();
                }}
              >
                {t('doubt.save')}
              </ActionButton>
            </div>
          </Dialog>
        </Modal>
      </ModalOverlay>
    ),
  };
}
