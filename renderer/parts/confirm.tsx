/** Confirmation dialog for an action that spends or deletes; its button names the result. */
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components/Button';
import { Dialog, DialogTrigger } from 'react-aria-components/Dialog';
import { Heading } from 'react-aria-components/Heading';
import { Modal, ModalOverlay } from 'react-aria-components/Modal';
import { ActionButton } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';
import { useStrings } from './strings.ts';

export function Confirm(props: {
  button: string;
  /** Shown instead of the label. */
  icon?: IconName;
  buttonLabel?: string;
  className: string;
  isDisabled?: boolean;
  title: string;
  children: ReactNode;
  /** Label of the button that acts; names the result. */
  act: string;
  isDanger?: boolean;
  onAct: () => void;
}) {
  const { t } = useStrings();
  return (
    <DialogTrigger>
      <Button
        className={props.className}
        isDisabled={props.isDisabled ?? false}
        aria-label={props.buttonLabel ?? props.button}
      >
        {props.icon ? <Icon name={props.icon} /> : props.button}
      </Button>
      <ModalOverlay className="overlay" isDismissable>
        <Modal className="modal">
          <Dialog className="dialog" role="alertdialog">
            {({ close }) => (
              <>
                <Heading slot="title">{props.title}</Heading>
                {props.children}
                <div className="dialog-actions">
                  <ActionButton onPress={close} autoFocus>
                    {t('common.cancel')}
                  </ActionButton>
                  <ActionButton
                    kind={props.isDanger ? 'danger' : 'primary'}
                    onPress={() => {
                      props.onAct();
                      close();
                    }}
                  >
                    {props.act}
                  </ActionButton>
                </div>
              </>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}
