/** What an agent is started with, and what its parts share: the clock, the end, and words to those who watch. */
import type { Notice, Profile, StateSection } from '../../shared/api/state.ts';
import type { Clock } from '../ports/clock.ts';
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
  /** Other nodes than the network's own: one address, or several with commas between. */
  readonly rpcUrl: string | null;
  /** For the profile `open`; null is the profile's own network. */
  readonly network?: NetworkName | null;
  /** x402 facilitators that claim for us, instead of the network's own. */
  readonly facilitators?: readonly string[];
  /** Multiaddrs of peers to connect to. */
  readonly connect: readonly string[];
  readonly quietRequester: boolean;
  /** This program's entry file, to start the second agent from. */
  readonly entry: string;
}

export interface Surroundings {
  readonly config: AgentConfig;
  readonly terms: ProfileTerms;
  /** Whether this agent sells; the practice requester only buys. */
  readonly serves: boolean;
  readonly clock: Clock;
  /** Runs when the agent ends, the last one first. */
  readonly onClose: (close: () => void | Promise<void>) => void;
  /** Sections of the state that pages should read again. */
  readonly changed: (...sections: StateSection[]) => void;
  /** Shows a notice, or takes the one of this code back. */
  readonly notice: (code: Notice['code'], entry: Omit<Notice, 'code'> | null) => void;
  /** What nobody expected, for the log. */
  readonly fault: (error: unknown) => void;
}
