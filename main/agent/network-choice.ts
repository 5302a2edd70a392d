/** Lets the owner choose the network in the app. It takes effect when the agent starts again. */
import type { AppState } from '../../shared/api/state.ts';
import { AppError } from '../../shared/errors.ts';
import { type NetworkChoice, termsOfChoice } from '../../shared/network-choice.ts';
import type { Settings } from '../../shared/settings.ts';
import { homePaths } from '../ports/data-folder.ts';
import type { Log } from '../ports/log.ts';
import { writeNetworkChoice } from '../ports/network-choice.ts';
import type { AgentConfig } from './config.ts';
import { writeInheritedSettings } from './inherited-settings.ts';

export interface NetworkSwitch {
  state(): AppState['network'];
  /**
   * Stores the choice for the next start. Resolves with whether that start follows automatically. Fails with
   * `unsupported` where options of the command line set the network, or the network needs a passphrase that isn't there.
   */
  choose(network: NetworkChoice): { readonly restarts: boolean };
}

export function createNetworkSwitch(options: {
  readonly config: AgentConfig;
  readonly settings: () => Settings;
  readonly log: Log;
  /** Starts the agent again; null where nothing would. */
  readonly restart: (() => void) | null;
  readonly onChange: () => void;
}): NetworkSwitch {
  const { config, log, restart } = options;
  const active = activeNetwork(config);
  let chosen = config.chosenNetwork ?? active;
  return {
    state: () => ({
      active,
      chosen,
      isFixed: config.chosenNetwork == null,
      restarts: restart !== null,
      needsPassphraseFile: needsPassphraseFile(config),
    }),
    choose(network) {
      if (config.chosenNetwork == null) {
        throw new AppError(
          'unsupported',
          'Options of the command line set the network. Nothing was changed. Start Idlewatt without --profile and --network.',
        );
      }
      if (network === 'office' && config.rpcUrl !== null) {
        throw new AppError(
          'unsupported',
          'The network of your own machines needs no chain. Nothing was changed. Start Idlewatt without --rpc.',
        );
      }
      if (isPublic(network) && needsPassphraseFile(config)) {
        throw new AppError(
          'unsupported',
          'Without the desktop app, this network needs a passphrase for its wallet. Nothing was changed. Start Idlewatt with --passphrase-file FILE.',
        );
      }
      if (network !== 'practice') {
        writeInheritedSettings(homePaths(config.home, network).root, options.settings());
      }
      writeNetworkChoice(config.home, network);
      log.info('The owner chose another network', { from: chosen, to: network, restarts: restart !== null });
      chosen = network;
      options.onChange();
      restart?.();
      return { restarts: restart !== null };
    },
  };
}

function needsPassphraseFile({ host, passphraseFile }: AgentConfig): boolean {
  return host === 'headless' && passphraseFile === null;
}

function activeNetwork({ profile, network }: AgentConfig): NetworkChoice {
  return profile === 'open' ? (network ?? 'base-sepolia') : profile;
}

function isPublic(network: NetworkChoice): boolean {
  return termsOfChoice(network).profile === 'open';
}
