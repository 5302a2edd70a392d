/**
 * Asks the owner about a change that decides who may set the payout address, where no page can press the button: in a native
 * dialog. One dialog at a time, and Enter presses the button that declines.
 */
import type { MachinesQuestion } from '../../shared/machines.ts';
import { type Language, type StringKey, text } from '../../shared/strings/index.ts';
import type { Question } from './ask.ts';

const DECLINE = 0;
const APPROVE = 1;

const WORDS: Readonly<
  Record<MachinesQuestion['change'], readonly [title: StringKey, detail: StringKey, act: StringKey]>
> = {
  join: ['dialog.machines.joinTitle', 'dialog.machines.joinText', 'dialog.machines.joinAct'],
  'invite-owner': ['dialog.machines.ownerTitle', 'dialog.machines.ownerText', 'dialog.machines.ownerAct'],
  'remove-owner': ['dialog.machines.removeTitle', 'dialog.machines.removeText', 'dialog.machines.removeAct'],
  leave: ['dialog.machines.leaveTitle', 'dialog.machines.leaveText', 'dialog.machines.leaveAct'],
};

/** Resolves with false when it was declined, when the signal aborted, and while another question is open. */
export type ConfirmMachines = (question: MachinesQuestion, signal: AbortSignal) => Promise<boolean>;

export function createMachinesConfirmer(options: {
  readonly language: () => Language;
  readonly ask: (question: Question, signal: AbortSignal) => Promise<number>;
}): ConfirmMachines {
  let isOpen = false;
  return async (question, signal) => {
    // A page that asks in a loop must not flood the owner with questions.
    if (isOpen || signal.aborted) return false;
    isOpen = true;
    try {
      const pressed = await options.ask(machinesQuestion(question, options.language()), signal);
      return pressed === APPROVE && !signal.aborted;
    } finally {
      isOpen = false;
    }
  };
}

/** Returns the dialog. Pure. */
export function machinesQuestion({ change, machine }: MachinesQuestion, language: Language): Question {
  const [title, detail, act] = WORDS[change];
  return {
    type: 'warning',
    message: text(language, title),
    detail: [...(machine === null ? [] : [machine, '']), text(language, detail)].join('\n'),
    buttons: [text(language, 'dialog.payout.decline'), text(language, act)],
    defaultButton: DECLINE,
    cancelButton: DECLINE,
  };
}
