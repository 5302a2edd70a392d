/** Configuration that an agent is started with. */
import type { Profile } from '../../shared/api/state.ts';
import type { NetworkChoice } from '../../shared/network-choice.ts';
import type { LogThreshold } from '../ports/log.ts';
import type { NetworkName } from './networks.ts';

/** Roles of a public node. */
export type PublicRole = 'bootstrap' | 'relay';

/** The way in which strangers reach the storefront; null where the owner named nothing. */
export interface WebConfig {
  /** `ADDRESS:PORT`. */
  readonly listen: string | null;
  readonly publicUrl: string | null;
  /** IP addresses or networks of the owner's reverse proxies. */
  readonly proxies: readonly string[];
  readonly certFile: string | null;
  readonly keyFile: string | null;
  /** As the options name it; absent: no certificate is obtained. */
  readonly acme?: {
    readonly domain: string | null;
    readonly isAgreed: boolean;
    readonly email: string | null;
    /** URL; null is Let's Encrypt's. */
    readonly directory: string | null;
  };
}

export interface AgentConfig {
  readonly home: string;
  /** The owner's choice of network in the app; null where options of the command line set it. */
  readonly chosenNetwork?: NetworkChoice | null;
  readonly profile: Profile;
  readonly host: 'desktop' | 'headless';
  /** The practice requester buys and serves nothing; a public node only helps others to find and reach each other. */
  readonly role: 'owner' | 'storefront' | 'practice-requester' | PublicRole;
  /** Options of the role `storefront`. */
  readonly web?: WebConfig;
  /** `ADDRESS:PORT` for requests that Bittensor's hotkeys sign; null or absent: none are answered. */
  readonly bittensorListen?: string | null;
  /** 0 takes any free port. */
  readonly pagePort: number;
  readonly gatewayPort: number;
  readonly passphraseFile: string | null;
  /** File for the content of the READY line; null for none. */
  readonly readyFile?: string | null;
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
  /** Multiaddrs, with peer ID, of public nodes through which the open market is joined. */
  readonly bootstrap?: readonly string[];
  /** Multiaddrs to listen on instead of the profile's. */
  readonly listen?: readonly string[];
  /** Multiaddrs at which strangers reach this machine. */
  readonly announce?: readonly string[];
  /** Find others of the market in the public DHT, and be found there; absent: as the settings say. */
  readonly publicDht?: true;
  /** Folder of the update feed, instead of the one that the package names. */
  readonly updatesFrom?: string | null;
  /** Port of a public node's metrics on loopback; null: none. 0 takes any free port. */
  readonly metricsPort?: number | null;
  /** Base units per megabyte that a relay charges; null or absent: relaying is free. */
  readonly relayPrice?: string | null;
  readonly quietRequester: boolean;
  /** Least severe lines to log. */
  readonly logLevel: LogThreshold;
  /** This program's entry file, to start the second agent from. */
  readonly entry: string;
}
