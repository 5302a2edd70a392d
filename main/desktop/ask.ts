/** The shell's own questions: native dialogs that no page can draw or answer. */
import { type BrowserWindow, dialog } from 'electron';

export interface Question {
  readonly type: 'question' | 'warning' | 'error';
  /** The question, in one sentence. */
  readonly message: string;
  readonly detail: string;
  readonly buttons: readonly string[];
  /** The index of the button that Enter presses. */
  readonly defaultButton: number;
  /** The index of the button that Escape, closing and an aborted signal count as. */
  readonly cancelButton: number;
}

/** A question on the screen. */
export interface OpenQuestion extends Question {
  /** True if it is in front of one of our windows, which can't be used meanwhile. */
  readonly hasParent: boolean;
}

const open = new Set<OpenQuestion>();

/** The questions that are on the screen now. */
export function openQuestions(): readonly OpenQuestion[] {
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
    // Windows would otherwise turn buttons into command links and guess which one cancels.
    noLink: true,
    ...(options.signal && { signal: options.signal }),
  };
  const onScreen = { ...question, hasParent: options.parent != null };
  open.add(onScreen);
  try {
    const { response } = options.parent
      ? await dialog.showMessageBox(options.parent, shown)
      : await dialog.showMessageBox(shown);
    return response;
  } finally {
    open.delete(onScreen);
  }
}
