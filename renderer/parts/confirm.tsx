/** Asks before something that spends or destroys, in the words of its result. */
import type { ReactNode } from 'react';
import { Button, Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { useStrings } from './strings.ts';

export function Confirm(props: {
  button: string;
  buttonLabel?: string;
  className: string;
  isDisabled?: boolean;
  title: string;
  children: ReactNode;
  /** The word on the button that does it, named after its result. */
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
        {props.button}
      </Button>
      <ModalOverlay className="overlay" isDismissable>
        <Modal className="modal">
          <Dialog className="dialog" role="alertdialog">
            {({ close }) => (
              <>
                <Heading slot="title">{props.title}</Heading>
                {props.children}
                <div className="dialog-actions">
                  <Button className="button" onPress={close} autoFocus>
                    {t('common.cancel')}
                  </Button>
                  <Button
                    className={props.isDanger ? 'button is-danger' : 'button is-main'}
                    onPress={() => {
                      props.onAct();
                      close();
                    }}
                  >
                    {props.act}
                  </Button>
                </div>
              </>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}
