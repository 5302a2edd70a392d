/**
 * The owner's yes to a spend, asked where no page can press it: a native dialog with every fact that the
 * transaction will have, one at a time, with Cancel as the button that Enter presses.
 */
import type { SpendSummary } from '../../shared/api/wallet.ts';
import { assertNever } from '../../shared/assert.ts';
import { createInOrder } from '../../shared/in-order.ts';
import type { Question } from './ask.ts';
import { type Language, moneyText, say, type Word } from './words.ts';

const CANCEL = 0;
const APPROVE = 1;

/** The answer to a spend: approved only by a press of the button that names it. */
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
    // One after the other: a second dialog over the first would be answered for it.
    confirm: (summary, signal) => inOrder(() => askNow(summary, signal)),
  };
}

/** Pure, so that tests can read every fact. */
export function spendQuestion(summary: SpendSummary, language: Language): Question {
  const words = (word: Word, values: Readonly<Record<string, string>> = {}) => say(language, word, values);
  const sent = moneyText(summary.asset, summary.amount, language);
  const total = moneyText(summary.asset, summary.total, language);
  const fee = moneyText(summary.coin, summary.fee, language);
  const facts = [
    ...(summary.action === 'cancel' ? [] : [words('spendAmount', { amount: sent }), '']),
    words('spendTo', { address: summary.to }),
    words('spendFrom', { address: summary.from }),
    words('spendNetwork', { network: summary.networkName }),
    words('spendFee', { fee }),
    words('spendTotal', { total: summary.asset.id === summary.coin.id ? total : `${total} + ${fee}` }),
    ...(summary.replaces === null ? [] : [words('spendReplaces', { hash: summary.replaces })]),
  ];
  const warnings = [
    ...(summary.smallTest ? [words('spendSmallTest')] : []),
    ...summary.warnings.map((warning) => words(WARNINGS[warning])),
    words(summary.asset.practice ? 'spendPractice' : 'spendReal'),
  ];
  return {
    type: summary.asset.practice ? 'question' : 'warning',
    message: words(...titleOf(summary, sent)),
    detail: [...facts, '', ...warnings].join('\n'),
    buttons: [words('spendCancel'), words(...buttonOf(summary, sent))],
    defaultButton: CANCEL,
    cancelButton: CANCEL,
  };
}

const WARNINGS: Readonly<Record<SpendSummary['warnings'][number], Word>> = {
  contract: 'spendToContract',
  'own-address': 'spendToOwn',
  'first-time': 'spendFirstTime',
};

type Said = [word: Word, values: Record<string, string>];

function titleOf({ action }: SpendSummary, amount: string): Said {
  switch (action) {
    case 'send':
      return ['spendSendTitle', { amount }];
    case 'speed-up':
      return ['spendSpeedUpTitle', { amount }];
    case 'cancel':
      return ['spendCancelTitle', {}];
    default:
      return assertNever(action);
  }
}

function buttonOf({ action }: SpendSummary, amount: string): Said {
  switch (action) {
    case 'send':
      return ['spendSend', { amount }];
    case 'speed-up':
      return ['spendSpeedUp', {}];
    case 'cancel':
      return ['spendCancelSpend', {}];
    default:
      return assertNever(action);
  }
}
