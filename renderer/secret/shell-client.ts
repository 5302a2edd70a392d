/** The one partner of this window: the shell, over the preload script. */
import { useState } from 'react';
import type { SecretAnswer, SecretRequest } from '../../shared/secret-window.ts';

declare global {
  interface Window {
    /** From the window's preload. */
    readonly idlewattSecret: { ask(request: SecretRequest): Promise<SecretAnswer> };
  }
}

export type Failure = Extract<SecretAnswer, { type: 'failed' }>;

export interface Desk {
  readonly busy: boolean;
  readonly failure: Failure | null;
  /** The answer, or null when it failed or nothing was chosen; {@link Desk.failure} then says why. */
  ask(request: SecretRequest): Promise<Exclude<SecretAnswer, Failure | { type: 'nothing-chosen' }> | null>;
}

export function useShell(): Desk {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  return {
    busy,
    failure,
    async ask(request) {
      setBusy(true);
      setFailure(null);
      const answer = await window.idlewattSecret
        .ask(request)
        .catch((): SecretAnswer => ({ type: 'failed', code: null, message: '' }));
      setBusy(false);
      if (answer.type === 'failed') setFailure(answer);
      return answer.type === 'failed' || answer.type === 'nothing-chosen' ? null : answer;
    },
  };
}

export function closeWindow(): void {
  void window.idlewattSecret.ask({ type: 'close' }).catch(() => {});
}
