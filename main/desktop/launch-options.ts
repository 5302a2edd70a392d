/** Reads the shell's command line: its own options, those that it passes on, and those that autostart keeps. */
import { resolve } from 'node:path';
import { agentArguments, readOptions } from '../../shared/command-line.ts';
import { isNetworkGiven, type NetworkChoice, termsOfChoice } from '../../shared/network-choice.ts';
import { type GivenOption, OPTIONS, type OptionName, type OptionValues } from '../../shared/options.ts';
import type { PassphraseSource } from './wallet-secret.ts';

export interface LaunchOptions {
  readonly values: OptionValues;
  /** The options that were set. */
  readonly given: readonly GivenOption[];
  /** The agent's command line, without `--host`. */
  readonly agentParameters: readonly string[];
  /** The options that start the same app again from any folder: without `--hidden`, with absolute paths. */
  readonly kept: readonly GivenOption[];
}

/** Options for a single start. */
const NOT_KEPT: readonly OptionName[] = ['hidden', 'help', 'version'];

/**
 * The command of `idlewatt COMMAND …` with its arguments; null where the command line starts the app. Electron's own
 * switches and the app's folder, which a checkout is started with, come before it.
 */
export function commandOf(argv: readonly string[], appFolder: string): readonly string[] | null {
  const isOwn = (argument: string) => argument === '--no-sandbox' || resolve(argument) === resolve(appFolder);
  const start = argv.findIndex((argument) => !isOwn(argument));
  return /^[a-z][a-z-]*$/.test(argv[start] ?? '') ? argv.slice(start) : null;
}

/** Fails with `bad-request` and one sentence. Switches of Chromium on the same command line are ignored. */
export function readLaunchOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  folder: string,
): LaunchOptions {
  const { values, given } = readOptions(argv, 'shell', environment);
  return {
    values,
    given,
    agentParameters: agentArguments(given),
    kept: given
      .filter(({ name }) => !NOT_KEPT.includes(name))
      .map(({ name, value }) => ({ name, value: absolute(name, value, folder) })),
  };
}

/** The source of the wallet's passphrase with these options, which override the owner's choice of network. */
export function passphraseSource(
  { values, given }: Pick<LaunchOptions, 'values' | 'given'>,
  chosen: NetworkChoice,
): PassphraseSource {
  const profile = isNetworkGiven(given) ? values.profile : termsOfChoice(chosen).profile;
  const file = values['passphrase-file'];
  // The wallets of both hold nothing of worth; the agent draws their passphrases.
  if (profile === 'practice' || (profile === 'office' && file === null)) return 'practice';
  return file === null ? 'keychain' : { file };
}

function absolute(name: OptionName, value: string | null, folder: string): string | null {
  return OPTIONS[name].type === 'path' && value !== null ? resolve(folder, value) : value;
}
