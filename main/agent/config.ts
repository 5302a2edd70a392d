/** The agent's configuration, and what its parts share: clock, shutdown, state changes and notices. */
import type { Notice, Profile, StateSection } from '../../shared/api/state.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogThreshold } from '../ports/log.ts';
import type { NetworkName } from './networks.ts';
import type { ProfileTerms } from './profiles.ts';

export interface AgentConfig {
  readonly home: string;
  readonly profile: Profile;
  readonly host: 'desktop' | 'headless';
  /** The practice requester buys and serves nothing. */
  readonly role: 'owner' | 'practice-requester';
  /** 0 takes any free port. */
  readonly pagePort: number;
  readonly gatewayPort: number;
  readonly passphraseFile: string | null;
  /** From the desktop's keychain, handed over by the shell; null without a shell or where it has none. */
  readonly passphrase: string | null;
  /** Nodes to use instead of the network's own: one URL, or several separated by commas. */
  readonly rpcUrl: string | null;
  /** For the profile `open`; null is the profile's own network. */
  readonly network?: NetworkName | null;
  /** x402 facilitators that claim for this agent, instead of the network's own. */
  readonly facilitators?: readonly string[];
  /** Multiaddrs of peers to connect to. */
  readonly connect: readonly string[];
  readonly quietRequester: boolean;
  /** Least severe lines to log. */
  readonly logLevel: LogThreshold;
  /** This program's entry file, to start the second agent from. */
  readonly entry: string;
}

export interface Surroundings {
  readonly config: AgentConfig;
  readonly terms: ProfileTerms;
  /** Whether this agent sells; the practice requester only buys. */
  readonly serves: boolean;
  readonly clock: Clock;
  /** Runs when the agent stops, in reverse order of registration. */
  readonly onClose: (close: () => void | Promise<void>) => void;
  /** Marks sections of the state for pages to read again. */
  readonly changed: (...sections: StateSection[]) => void;
  /** Shows a notice; null removes the one with this code. */
  readonly notice: (code: Notice['code'], entry: Omit<Notice, 'code'> | null) => void;
  /** Takes an unexpected error, for the log. */
  readonly fault: (error: unknown) => void;
}
