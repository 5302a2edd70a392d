/** Dialog about a change that decides who may set the payout address. */
import type { QuestionAbout } from '../../shared/owner-question.ts';
import { type Language, type StringKey, text } from '../../shared/strings/index.ts';
import type { Question } from './ask.ts';
import { DECLINE } from './dialog-buttons.ts';

type Asked = QuestionAbout<'machines'>;

const WORDS: Readonly<
  Record<Asked['change'], readonly [title: StringKey, detail: StringKey, act: StringKey]>
> = {
  join: ['dialog.machines.joinTitle', 'dialog.machines.joinText', 'dialog.machines.joinAct'],
  'invite-owner': ['dialog.machines.ownerTitle', 'dialog.machines.ownerText', 'dialog.machines.ownerAct'],
  'remove-owner': ['dialog.machines.removeTitle', 'dialog.machines.removeText', 'dialog.machines.removeAct'],
  leave: ['dialog.machines.leaveTitle', 'dialog.machines.leaveText', 'dialog.machines.leaveAct'],
};

/** Returns the dialog. Pure. */
export function machinesQuestion({ change, machine }: Asked, language: Language): Question {
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
