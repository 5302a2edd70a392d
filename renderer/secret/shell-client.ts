/** Calls from this window to the shell over the preload script, the window's only connection. */
import { useState } from 'react';
import type { SecretAnswer, SecretRequest } from '../../shared/secret-window.ts';

declare global {
  interface Window {
    /** Exposed by the window's preload script. */
    readonly idlewattSecret: { ask(request: SecretRequest): Promise<SecretAnswer> };
  }
}

export type Failure = Extract<SecretAnswer, { type: 'failed' }>;

export interface ShellClient {
  readonly busy: boolean;
  readonly failure: Failure | null;
  /** Resolves with the answer; null if nothing was chosen, or if it failed and {@link ShellClient.failure} has the reason. */
  ask(request: SecretRequest): Promise<Exclude<SecretAnswer, Failure | { type: 'nothing-chosen' }> | null>;
}

export function useShell(): ShellClient {
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
