/** Services that all parts of one agent share. */
import type { StateSection } from '../../shared/api/state.ts';
import type { Notices } from '../core/notices/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { AgentConfig } from './config.ts';
import type { ProfileTerms } from './profiles.ts';

export interface Surroundings {
  readonly config: AgentConfig;
  readonly terms: ProfileTerms;
  /** True where this agent sells; the practice requester only buys. */
  readonly serves: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly notices: Notices;
  /** Runs when the agent stops, in the reverse order of registration. */
  readonly onClose: (close: Close) => void;
  /** Marks sections of the state that pages should read again. */
  readonly changed: (...sections: StateSection[]) => void;
}

export type Close = () => void | Promise<void>;
