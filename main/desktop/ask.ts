/** The shell's own questions: native dialogs that no page can draw, press or answer. */
import { type BrowserWindow, dialog } from 'electron';

export interface Question {
  readonly type: 'question' | 'warning' | 'error';
  /** What is asked, in one sentence. */
  readonly message: string;
  readonly detail: string;
  readonly buttons: readonly string[];
  /** What Enter presses. */
  readonly defaultButton: number;
  /** What Escape, closing and an aborted signal stand for. */
  readonly cancelButton: number;
}

const open = new Set<Question>();

/** Questions that are on the screen now. */
export function openQuestions(): readonly Question[] {
  return [...open];
}

/** The index of the pressed button. An aborted signal closes the dialog and counts as its cancel button. */
export async function ask(
  question: Question,
  options: { readonly parent?: BrowserWindow | null; readonly signal?: AbortSignal } = {},
): Promise<number> {
  const shown: Electron.MessageBoxOptions = {
    type: question.type,
    title: 'Idlewatt',
    message: question.message,
    detail: question.detail,
    buttons: [...question.buttons],
    defaultId: question.defaultButton,
    cancelId: question.cancelButton,
    // Windows would turn buttons into command links and guess which one cancels.
    noLink: true,
    ...(options.signal && { signal: options.signal }),
  };
  open.add(question);
  try {
    const { response } = options.parent
      ? await dialog.showMessageBox(options.parent, shown)
      : await dialog.showMessageBox(shown);
    return response;
  } finally {
    open.delete(question);
  }
}
