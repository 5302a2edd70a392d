/** Dialog about the balance that a customer of the storefront gets. */
import type { QuestionAbout } from '../../shared/owner-question.ts';
import { type Language, text } from '../../shared/strings/index.ts';
import type { Question } from './ask.ts';
import { DECLINE } from './dialog-buttons.ts';
import { moneyText } from './money-text.ts';

/** Returns the dialog. Pure. */
export function creditQuestion(
  { customer, asset, amount }: QuestionAbout<'credit'>,
  language: Language,
): Question {
  const sum = moneyText(asset, amount, language);
  return {
    type: asset.practice ? 'question' : 'warning',
    message: text(language, 'dialog.credit.title', { amount: sum }),
    detail: [customer, '', text(language, 'dialog.credit.text')].join('\n'),
    buttons: [text(language, 'dialog.payout.decline'), text(language, 'dialog.credit.act', { amount: sum })],
    defaultButton: DECLINE,
    cancelButton: DECLINE,
  };
}
