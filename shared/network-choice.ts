/** The owner's choice of network in the app. Options on the command line override it. */
import { z } from 'zod';
import type { Profile } from './api/state.ts';
import type { GivenOption } from './options.ts';

export const networkChoiceSchema = z.enum([
  'practice', // worthless money on this machine
  'office', // the owner's machines among each other, without money
  'base-sepolia', // worthless money on a public test network
  'base', // real money
]);
export type NetworkChoice = z.infer<typeof networkChoiceSchema>;
/** Networks that have a data folder of their own inside the owner's; practice uses the folder itself. */
export type SeparateNetwork = Exclude<NetworkChoice, 'practice'>;
/** Networks with a public chain. */
export type PublicNetwork = Exclude<SeparateNetwork, 'office'>;

/** Content of the file with the choice. */
export const networkChoiceFileSchema = z.object({ network: networkChoiceSchema });

/** True where the command line sets the network, so that the stored choice doesn't count. */
export function isNetworkGiven(given: readonly GivenOption[]): boolean {
  return given.some(({ name }) => name === 'profile' || name === 'network');
}

/** Profile and network that a choice means. */
export function termsOfChoice(choice: NetworkChoice): {
  readonly profile: Profile;
  readonly network: PublicNetwork | null;
} {
  return choice === 'practice' || choice === 'office'
    ? { profile: choice, network: null }
    : { profile: 'open', network: choice };
}
