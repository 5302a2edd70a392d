/** Dialog about one payout address for all machines, with the whole address. */
import { type Language, type StringKey, type StringValues, text } from '../../shared/strings/index.ts';
import type { Question } from './ask.ts';
import { DECLINE } from './dialog-buttons.ts';

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
