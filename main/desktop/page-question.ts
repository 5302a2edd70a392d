/** Asks what to do with a window whose page ended too often. */
import { type Language, text } from '../../shared/strings/index.ts';
import type { Question } from './ask.ts';

/** The first button loads the page again; the second, and Escape, close the window. */
export function pageQuestion(reason: string, language: Language): Question {
  return {
    type: 'error',
    message: text(language, 'dialog.pageEnded'),
    detail: text(language, 'dialog.pageEndedDetail', { reason }),
    buttons: [text(language, 'dialog.tryAgain'), text(language, 'dialog.closeWindow')],
    defaultButton: 0,
    cancelButton: 1,
  };
}
