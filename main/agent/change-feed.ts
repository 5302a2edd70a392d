/** Passes on which sections of the state have changed; changes before the first listener are dropped. */
import type { StateSection } from '../../shared/api/state.ts';

export interface ChangeFeed {
  changed(...sections: StateSection[]): void;
  onChange(listener: (...sections: StateSection[]) => void): void;
}

export function createChangeFeed(): ChangeFeed {
  const listeners: ((...sections: StateSection[]) => void)[] = [];
  return {
    changed(...sections) {
      for (const listener of listeners) listener(...sections);
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
