/**
 * Asks the owner about one payout address for all machines where no page can press the button: in a native dialog with the
 * whole address. One dialog at a time, and Enter presses the button that declines.
 */
import { type Language, type StringKey, type StringValues, text } from '../../shared/strings/index.ts';
import type { Question } from './ask.ts';

const DECLINE = 0;
const APPROVE = 1;

/** Resolves with false when it was declined, when the signal aborted, and while another question is open. */
export type ConfirmPayout = (address: string | null, signal: AbortSignal) => Promise<boolean>;

export function createPayoutConfirmer(options: {
  readonly language: () => Language;
  readonly ask: (question: Question, signal: AbortSignal) => Promise<number>;
}): ConfirmPayout {
  let isOpen = false;
  return async (address, signal) => {
    // A page that asks in a loop must not flood the owner with questions.
    if (isOpen || signal.aborted) return false;
    isOpen = true;
    try {
      const pressed = await options.ask(payoutQuestion(address, options.language()), signal);
      return pressed === APPROVE && !signal.aborted;
    } finally {
      isOpen = false;
    }
  };
}

/** Returns the dialog; null asks whether each machine gets its own address again. Pure. */
export function payoutQuestion(address: string | null, language: Language): Question {
  const words = (key: StringKey, values?: StringValues) => text(language, key, values);
  return {
    type: 'warning',
    message: words(address === null ? 'dialog.payout.endTitle' : 'dialog.payout.title'),
    detail: [
      ...(address === null ? [] : [address, '']),
      words(address === null ? 'dialog.payout.endText' : 'dialog.payout.text'),
    ].join('\n'),
    buttons: [
      words('dialog.payout.decline'),
      words(address === null ? 'dialog.payout.endAct' : 'dialog.payout.act'),
    ],
    defaultButton: DECLINE,
    cancelButton: DECLINE,
  };
}
