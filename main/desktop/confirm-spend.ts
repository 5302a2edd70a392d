/**
 * Asks the owner to confirm a transfer where no page can press the button: in a native dialog with every fact that the
 * transaction will have. One dialog at a time, and Enter presses the button that declines.
 */
import type { SpendSummary } from '../../shared/api/wallet.ts';
import { customerName } from '../../shared/customers.ts';
import { createInOrder } from '../../shared/in-order.ts';
import { type Language, type StringKey, type StringValues, text } from '../../shared/strings/index.ts';
import type { Question } from './ask.ts';
import { APPROVE, DECLINE } from './dialog-buttons.ts';
import { moneyText } from './money-text.ts';

/** Approves a transfer only if the button that names it was pressed. */
export interface SpendConfirmer {
  /** Resolves with false when it was declined, when it expired and when the signal aborted. */
  confirm(summary: SpendSummary, signal: AbortSignal): Promise<boolean>;
}

export function createSpendConfirmer(options: {
  readonly language: () => Language;
  readonly ask: (question: Question, signal: AbortSignal) => Promise<number>;
  readonly now: () => number;
}): SpendConfirmer {
  const inOrder = createInOrder();
  const askNow = async (summary: SpendSummary, signal: AbortSignal) => {
    const leftMs = summary.expiresAtMs - options.now();
    if (leftMs <= 0 || signal.aborted) return false;
    const until = AbortSignal.any([signal, AbortSignal.timeout(leftMs)]);
    const pressed = await options.ask(spendQuestion(summary, options.language()), until);
    return pressed === APPROVE && !until.aborted;
  };
  return {
    // One at a time: the owner could answer a dialog that covers another one and mean the other.
    confirm: (summary, signal) => inOrder(() => askNow(summary, signal)),
  };
}

/** Returns the dialog of a transfer. Pure, so that tests can read every fact. */
export function spendQuestion(summary: SpendSummary, language: Language): Question {
  const words = (key: StringKey, values?: StringValues) => text(language, key, values);
  const amount = moneyText(summary.asset, summary.amount, language);
  return {
    type: summary.asset.practice ? 'question' : 'warning',
    message: words(`dialog.spend.title.${summary.action}`, { amount }),
    detail: [...facts(summary, language), '', ...warnings(summary, language)].join('\n'),
    buttons: [words('dialog.spend.decline'), words(`dialog.spend.act.${summary.action}`, { amount })],
    defaultButton: DECLINE,
    cancelButton: DECLINE,
  };
}

function facts(summary: SpendSummary, language: Language): string[] {
  const words = (key: StringKey, values?: StringValues) => text(language, key, values);
  const amount = moneyText(summary.asset, summary.amount, language);
  const total = moneyText(summary.asset, summary.total, language);
  const fee = moneyText(summary.coin, summary.fee, language);
  // The total in the native coin includes the fee already.
  const sum = summary.asset.id === summary.coin.id ? total : `${total} + ${fee}`;
  return [
    ...(summary.action === 'cancel' ? [] : [words('dialog.spend.amount', { amount }), '']),
    ...(summary.payout === null
      ? []
      : [words('dialog.spend.payout', { customer: customerName(summary.payout) })]),
    words('dialog.spend.to', { address: summary.to }),
    words('dialog.spend.from', { address: summary.from }),
    words('dialog.spend.network', { network: summary.networkName }),
    words('dialog.spend.fee', { fee }),
    words('dialog.spend.total', { total: sum }),
    ...(summary.replaces === null ? [] : [words('dialog.spend.replaces', { hash: summary.replaces })]),
  ];
}

function warnings(summary: SpendSummary, language: Language): string[] {
  return [
    ...(summary.smallTest ? [text(language, 'dialog.spend.smallTest')] : []),
    ...summary.warnings.map((warning) => text(language, `send.warning.${warning}`)),
    text(language, summary.asset.practice ? 'dialog.spend.practice' : 'dialog.spend.real'),
  ];
}
