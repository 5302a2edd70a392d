/** Keeps the notices that are shown now, at most one per code. */
import type { Notice } from '../../../shared/api/state.ts';

export type NoticeEntry = Omit<Notice, 'code'>;

export interface Notices {
  /** Shows a notice, or replaces the one with this code. */
  show(code: Notice['code'], entry: NoticeEntry): void;
  /** Removes the notice with this code, if it is shown. */
  clear(code: Notice['code']): void;
  /** In the order in which they first appeared. */
  list(): readonly Notice[];
  /** Called with each notice that is shown, and with the code of each that is cleared; returns its unsubscribe. */
  onChange(listener: (change: NoticeChange) => void): () => void;
}

export type NoticeChange =
  | { readonly type: 'shown'; readonly notice: Notice }
  | { readonly type: 'cleared'; readonly code: Notice['code'] };

export function createNotices(): Notices {
  const shown = new Map<Notice['code'], Notice>();
  const listeners = new Set<(change: NoticeChange) => void>();
  const emit = (change: NoticeChange) => {
    for (const listener of [...listeners]) listener(change);
  };
  return {
    show(code, entry) {
      const notice = { code, ...entry };
      shown.set(code, notice);
      emit({ type: 'shown', notice });
    },
    clear(code) {
      if (shown.delete(code)) emit({ type: 'cleared', code });
    },
    list: () => [...shown.values()],
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
