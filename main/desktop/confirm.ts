/**
 * Asks the owner in a native dialog, where no page can press the button. One dialog at a time, and Enter presses the button
 * that declines.
 */

import { assertNever } from '../../shared/assert.ts';
import type { OwnerQuestion } from '../../shared/owner-question.ts';
import type { Language } from '../../shared/strings/index.ts';
import type { Question } from './ask.ts';
import { creditQuestion } from './credit-question.ts';
import { APPROVE } from './dialog-buttons.ts';
import { machinesQuestion } from './machines-question.ts';

/** Resolves with false when it was declined, when the signal aborted, and while another question is open. */
export type Confirm<Asked> = (asked: Asked, signal: AbortSignal) => Promise<boolean>;

export interface ConfirmerOptions<Asked> {
  readonly language: () => Language;
  readonly ask: (question: Question, signal: AbortSignal) => Promise<number>;
  /** Returns the dialog; its second button approves. */
  readonly question: (asked: Asked, language: Language) => Question;
}

export function createConfirmer<Asked>({ language, ask, question }: ConfirmerOptions<Asked>): Confirm<Asked> {
  let isOpen = false;
  return async (asked, signal) => {
    // A page that asks in a loop must not flood the owner with questions.
    if (isOpen || signal.aborted) return false;
    isOpen = true;
    try {
      const pressed = await ask(question(asked, language()), signal);
      return pressed === APPROVE && !signal.aborted;
    } finally {
      isOpen = false;
    }
  };
}

/** Returns the dialog of a question. Pure. */
export function ownerQuestion(asked: OwnerQuestion, language: Language): Question {
  switch (asked.about) {
    case 'machines':
      return machinesQuestion(asked, language);
    case 'credit':
      return creditQuestion(asked, language);
    default:
      return assertNever(asked);
  }
}
