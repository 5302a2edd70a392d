/**
 * Everything with a secret in it: words shown, drilled and exported, another secret brought in. Each call opens
 * the key file with the pass phrase that it is given, and keeps nothing of either.
 */
import { randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import { forceUnwrap } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { KeyTools, ReadAddress } from '../../ports/wallet.ts';
import { openKeyFolder } from './key-folder.ts';
import type { Secrets } from './services.ts';
import { required } from './wallet.ts';

/** Enough that guessing is hopeless and few enough that nobody minds. */
const DRILL_WORDS = 3;
const DRILL_MS = 600_000;

export interface SecretsOptions {
  /** Where the key file lies. */
  readonly folder: string;
  readonly keys: KeyTools;
  readonly readAddress: ReadAddress;
  readonly clock: Clock;
  /** Whether channels still owe to today's payout address: it must not change before that came in. */
  readonly isOwed: () => boolean;
  /** The backup was proven, or what is at the next start changed. */
  readonly onChange?: () => void;
  /** The second memory of which wallet is here; see `OpenWalletOptions.known`. */
  readonly known?: { set(address: string): void };
}

interface Drill {
  readonly expected: readonly string[];
  readonly endsAtMs: number;
}

export function createSecrets(options: SecretsOptions): Secrets {
  const { keys, clock } = options;
  const folder = openKeyFolder(options.folder);
  const changed = options.onChange ?? (() => undefined);
  /** One at a time, so that answers cannot be guessed side by side. */
  let drill: (Drill & { readonly id: string }) | null = null;

  function keystore(): string {
    const found = folder.keystore();
    if (found === null) throw new AppError('keystore-missing', 'There is no key file here.');
    return found;
  }

  function assertNothingOwed(): void {
    if (!options.isOwed()) return;
    throw new AppError(
      'busy',
      'Channels still owe to today’s payout address. Let it be paid out first; then the address can change.',
    );
  }

  return {
    revealPhrase: async (passphrase) => keys.words(keystore(), passphrase),
    exportKeystore: async (passphrase, exportPassphrase) =>
      keys.reseal(keystore(), passphrase, required(exportPassphrase)),
    async startDrill(passphrase) {
      const words = await keys.words(keystore(), passphrase);
      const positions = choose(words.length, DRILL_WORDS);
      const expected = positions.map((position) =>
        forceUnwrap('a position is within the phrase', words[position - 1]),
      );
      drill = { id: randomUUID(), expected, endsAtMs: clock.now() + DRILL_MS };
      return { id: drill.id, positions };
    },
    answerDrill(id, words) {
      const asked = drill;
      drill = null;
      if (asked === null || asked.id !== id || clock.now() > asked.endsAtMs) {
        throw new AppError('not-found', 'This backup drill is over; begin another one.');
      }
      const passed =
        words.length === asked.expected.length &&
        asked.expected.every((word, index) => same(word, words[index] ?? ''));
      const marker = folder.marker();
      if (passed && marker !== null) {
        folder.writeMarker({ ...marker, backedUpAtMs: clock.now() });
        changed();
      }
      return passed;
    },
    async importWallet(source, passphrase) {
      assertNothingOwed();
      const sealed = await keys.seal(source, required(passphrase));
      const { address } = sealed.accounts.funds;
      const before = folder.marker();
      if (before !== null) folder.setAside(before.address);
      // Who brings a secret along has it elsewhere already.
      folder.write(sealed.keystore, { address, backedUpAtMs: clock.now() });
      options.known?.set(address);
      changed();
      return { address, kind: sealed.kind };
    },
    setPayoutAddress(address) {
      const next = address === null ? null : options.readAddress(address);
      if (next === folder.payout()) return;
      assertNothingOwed();
      folder.writePayout(next);
      changed();
    },
  };
}

/** Distinct positions counted from 1, in ascending order. */
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
