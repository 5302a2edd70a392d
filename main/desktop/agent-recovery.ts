/** Asks the owner what to do when no agent can be started: enter the passphrase, try again, or quit. */
import { type Language, type StringKey, text } from '../../shared/strings/index.ts';
import type { AgentFailure } from './agent-session.ts';
import type { Question } from './ask.ts';

export interface RecoveryOptions {
  readonly language: () => Language;
  /** True if a typed passphrase may fix the failure; it is then the first choice. */
  readonly mayType: boolean;
  /** Goes back to the practice network; null where the owner didn't choose another one in the app. */
  readonly leaveNetwork: (() => void) | null;
  readonly ask: (question: Question) => Promise<number>;
  /** Lets the owner type the passphrase; resolves with whether one was typed. */
  readonly unlock: () => Promise<boolean>;
}

/** Resolves with whether to start an agent again; false is the owner's choice to quit. */
export async function recover(failure: AgentFailure, options: RecoveryOptions): Promise<boolean> {
  const { mayType, leaveNetwork, ask, unlock } = options;
  const ways: readonly StringKey[] = [
    ...(mayType ? (['dialog.enterPassphrase'] as const) : []),
    'dialog.tryAgain',
    ...(leaveNetwork === null ? [] : (['dialog.backToPractice'] as const)),
    'dialog.quit',
  ];
  for (;;) {
    const pressed = ways[await ask(questionFor(failure, ways, options.language()))];
    if (pressed === 'dialog.tryAgain') return true;
    if (pressed === 'dialog.backToPractice') {
      leaveNetwork?.();
      return true;
    }
    if (pressed !== 'dialog.enterPassphrase') return false;
    if (await unlock()) return true;
  }
}

function questionFor(
  { reason, hasRun }: AgentFailure,
  ways: readonly StringKey[],
  language: Language,
): Question {
  const why = reason ?? text(language, 'dialog.endedOften');
  return {
    type: 'error',
    message: text(language, hasRun ? 'dialog.stoppedWorking' : 'dialog.cannotStart'),
    detail: `${why}\n${text(language, 'dialog.earningsSafe')}`,
    buttons: ways.map((way) => text(language, way)),
    defaultButton: 0,
    cancelButton: ways.length - 1,
  };
}
