/** The steps of the agent's start as the window shows them: from the first moment, when there is no agent yet. */
import type { Startup, StartupStep } from '../../shared/startup.ts';
import type { AgentFailure } from './agent-session.ts';

export class StartupView {
  readonly #now: () => number;
  readonly #show: (startup: Startup) => void;
  #current: Startup;
  /** True while the agent that is being started replaces one that was up. */
  #again = false;

  /** `show` is called with each change. */
  constructor(options: { readonly now: () => number; readonly show: (startup: Startup) => void }) {
    this.#now = options.now;
    this.#show = options.show;
    this.#current = this.#step('program');
  }

  get current(): Startup {
    return this.#current;
  }

  starting(again: boolean): void {
    this.#again = again;
    this.#set(this.#step('program'));
  }

  step(step: StartupStep): void {
    if (this.#current.phase === 'starting') this.#set(this.#step(step));
  }

  serving(): void {
    this.#set({ phase: 'serving' });
  }

  failed({ reason, code, hasRun }: AgentFailure): void {
    this.#set({ phase: 'failed', message: reason, code, hasRun });
  }

  #step(step: StartupStep): Startup {
    return { phase: 'starting', step, sinceMs: this.#now(), again: this.#again };
  }

  #set(next: Startup): void {
    this.#current = next;
    this.#show(next);
  }
}
