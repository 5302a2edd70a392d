/**
 * All operations with secrets: showing, checking and exporting the recovery phrase, and importing another secret. Each
 * call opens the key file with the given passphrase and keeps nothing of either.
 */
import { randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import { forceUnwrap } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { KeyTools, ReadAddress } from '../../ports/wallet.ts';
import { openKeyFolder } from './key-folder.ts';
import type { Secrets } from './services.ts';
import { strong } from './wallet.ts';

/** Number of words to enter: enough to prevent guessing, and few enough not to be a burden. */
const DRILL_WORDS = 3;
const DRILL_MS = 600_000;

export interface SecretsOptions {
  /** Folder of the key file. */
  readonly folder: string;
  readonly keys: KeyTools;
  readonly readAddress: ReadAddress;
  readonly clock: Clock;
  /**
   * True while channels have pending payouts to the current payout address, which must not change before those arrive.
   */
  readonly isOwed: () => boolean;
  /** Called when the backup was verified, or when the next start will find another wallet or payout address. */
  readonly onChange?: () => void;
  /** Second record of this wallet's address; see `OpenWalletOptions.known`. */
  readonly known?: { set(address: string): void };
}

interface Drill {
  readonly expected: readonly string[];
  /** Monotonic. */
  readonly endsAtMs: number;
}

export function createSecrets(options: SecretsOptions): Secrets {
  const { keys, clock } = options;
  const folder = openKeyFolder(options.folder);
  const changed = options.onChange ?? (() => undefined);
  /** One at a time, so that words can't be guessed in parallel. */
  let drill: (Drill & { readonly id: string }) | null = null;

  function keystore(): string {
    const found = folder.keystore();
    if (found === null) {
      throw new AppError('keystore-missing', `No key file found: ${folder.keystorePath} does not exist.`);
    }
    return found;
  }

  function assertNothingOwed(): void {
    if (!options.isOwed()) return;
    throw new AppError(
      'busy',
      'The current payout address has pending payouts. Pay them out before you change the address.',
    );
  }

  return {
    revealPhrase: async (passphrase) => keys.words(keystore(), passphrase),
    exportKeystore: async (passphrase, exportPassphrase) =>
      keys.reseal(keystore(), passphrase, strong(exportPassphrase)),
    async startDrill(passphrase) {
      const words = await keys.words(keystore(), passphrase);
      const positions = choose(words.length, DRILL_WORDS);
      const expected = positions.map((position) =>
        forceUnwrap('a position is within the phrase', words[position - 1]),
      );
      drill = { id: randomUUID(), expected, endsAtMs: clock.monotonic() + DRILL_MS };
      return { id: drill.id, positions };
    },
    answerDrill(id, words) {
      const current = drill;
      drill = null;
      if (current === null || current.id !== id || clock.monotonic() > current.endsAtMs) {
        throw new AppError('not-found', 'This backup check has ended. Start another one.');
      }
      const passed =
        words.length === current.expected.length &&
        current.expected.every((word, index) => same(word, words[index] ?? ''));
      const marker = folder.marker();
      if (passed && marker !== null) {
        folder.writeMarker({ ...marker, backedUpAtMs: clock.now() });
        changed();
      }
      return passed;
    },
    async importWallet(source, passphrase) {
      assertNothingOwed();
      const sealed = await keys.seal(source, strong(passphrase));
      const { address } = sealed.accounts.funds;
      const before = folder.marker();
      if (before !== null) folder.setAside(before.address);
      // The owner of an imported secret has it elsewhere already, so it counts as backed up.
      folder.write(sealed.keystore, { address, backedUpAtMs: clock.now() });
      options.known?.set(address);
      changed();
      return { address, kind: sealed.kind };
    },
    setPayoutAddress(address) {
      const next = address === null ? null : options.readAddress(address);
      if (next === folder.payout()) return;
      if (folder.sharedPayout() !== null) {
        throw new AppError(
          'not-permitted',
          'An owner set one payout address for all machines. Nothing was changed here. Change it with `machines payout` on a machine of the owner.',
        );
      }
      assertNothingOwed();
      folder.writePayout(next);
      changed();
    },
  };
}

/** Returns random distinct positions, counted from 1, in ascending order. */
function choose(count: number, wanted: number): number[] {
  const chosen = new Set<number>();
  while (chosen.size < Math.min(wanted, count)) chosen.add(randomInt(1, count + 1));
  return [...chosen].sort((left, right) => left - right);
}

function same(expected: string, given: string): boolean {
  const left = Buffer.from(expected);
  const right = Buffer.from(given.trim().toLowerCase());
  return left.length === right.length && timingSafeEqual(left, right);
}
