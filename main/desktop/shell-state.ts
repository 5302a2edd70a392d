/** The agent's last known state, and the language that follows from it. */
import type { AgentState } from '../../shared/api/state.ts';
import { type Language, languageFor } from '../../shared/strings/index.ts';

/** `starting` and `gone` while no agent responds: one is being started, or none will be. */
export type ShownState = AgentState | 'starting' | 'gone';

export class ShellState {
  readonly #systemLanguage: () => string;
  readonly #listeners: ((next: ShownState, before: ShownState) => void)[] = [];
  #current: ShownState = 'starting';

  /** `systemLanguage` returns the system's language tag. */
  constructor(systemLanguage: () => string) {
    this.#systemLanguage = systemLanguage;
  }

  get current(): ShownState {
    return this.#current;
  }

  /** The agent's state, or null while no agent responds. */
  get agent(): AgentState | null {
    return typeof this.#current === 'object' ? this.#current : null;
  }

  get language(): Language {
    return languageFor(this.agent?.settings.language ?? 'system', [this.#systemLanguage()]);
  }

  onChange(listener: (next: ShownState, before: ShownState) => void): void {
    this.#listeners.push(listener);
  }

  show(next: ShownState): void {
    const before = this.#current;
    this.#current = next;
    for (const listener of this.#listeners) listener(next, before);
  }
}
