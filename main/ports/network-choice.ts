/** Reads and writes the owner's choice of network, which agent and desktop shell read before they start anything. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  isNetworkGiven,
  type NetworkChoice,
  networkChoiceFileSchema,
  type SeparateNetwork,
} from '../../shared/network-choice.ts';
import type { GivenOption } from '../../shared/options.ts';
import { replacePrivateFile } from './private-file.ts';

const FILE = 'network.json';

/** `root` is the data folder as the owner names it. Practice where nothing was chosen, or the file is damaged. */
export function readNetworkChoice(root: string): NetworkChoice {
  try {
    return networkChoiceFileSchema.parse(JSON.parse(readFileSync(join(root, FILE), 'utf8'))).network;
  } catch {
    return 'practice';
  }
}

/** Fails with `disk-full` or `disk-unwritable`; the former choice then stays. */
export function writeNetworkChoice(root: string, network: NetworkChoice): void {
  replacePrivateFile(join(root, FILE), `${JSON.stringify({ network })}\n`);
}

/** The data folder of a network inside the owner's; null for the folder itself, which options and practice use. */
export function networkFolder(root: string, given: readonly GivenOption[]): SeparateNetwork | null {
  if (isNetworkGiven(given)) return null;
  const choice = readNetworkChoice(root);
  return choice === 'practice' ? null : choice;
}
