/**
 * Pairs browsers with the pages of an agent without a desktop: a code of the terminal is used once, within minutes and a
 * few tries. A browser then has two secrets, of which only a hash is stored: a cookie, which no script can read but
 * which every server on this machine's loopback gets, and a key, which only the pages of this server's port can read.
 */
import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { AppError } from '../../../shared/errors.ts';
import {
  type BrowserHalf,
  CODE_ALPHABET,
  CODE_LENGTH,
  CODE_MINUTES,
  type PairedBrowser,
  type PairProblem,
} from '../../../shared/pairing.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { PairedBrowserStore, StoredBrowser } from '../../ports/paired-browsers.ts';

export type PairResult =
  | { readonly half: BrowserHalf; readonly cookie: string }
  | { readonly problem: PairProblem };

export interface Pairing {
  /** A new code; an earlier one is void. */
  startCode(): { readonly code: string; readonly expiresAtMs: number };
  pair(request: { readonly code: string; readonly name: string }): PairResult;
  /** Returns whether these are the two secrets of a paired browser. */
  check(half: BrowserHalf, cookie: string): boolean;
  /** Newest first. */
  list(): readonly PairedBrowser[];
  /** Fails with `not-found`. */
  revoke(id: string): void;
  /** Called with each browser that was revoked. Returns its unsubscribe. */
  onRevoked(listener: (id: string) => void): () => void;
}

/** Wrong codes after which a code is void: one guess in 2^40 is right. */
const TRIES_MAX = 5;
const BROWSERS_MAX = 20;
const CODE_MS = CODE_MINUTES * 60_000;
const DAY_MS = 86_400_000;

interface OpenCode {
  readonly code: string;
  /** On the monotonic clock: a clock that is set back must not keep a code open. */
  readonly endsAtMs: number;
  triesLeft: number;
}

export function createPairing(options: {
  readonly store: PairedBrowserStore;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly log: Log;
}): Pairing {
  const { store, clock, log } = options;
  const listeners = new Set<(id: string) => void>();
  let browsers = store.read();
  let open: OpenCode | null = null;

  const save = (next: readonly StoredBrowser[]) => {
    store.write(next);
    browsers = next;
  };

  /** Uses up the code, or one of its tries. */
  const problemOf = (code: string): PairProblem | null => {
    if (open === null || clock.monotonic() >= open.endsAtMs) return 'no-code';
    if (!isEqual(normalize(code), open.code)) {
      open.triesLeft -= 1;
      log.warn('A browser was not paired: the code was wrong', { triesLeft: open.triesLeft });
      if (open.triesLeft === 0) open = null;
      return 'wrong-code';
    }
    if (browsers.length >= BROWSERS_MAX) return 'too-many-browsers';
    open = null;
    return null;
  };

  return {
    startCode() {
      const code = Array.from(
        { length: CODE_LENGTH },
        () => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)],
      ).join('');
      open = { code, endsAtMs: clock.monotonic() + CODE_MS, triesLeft: TRIES_MAX };
      log.info('A code for pairing a browser is open', { minutes: CODE_MINUTES });
      return {
        code: `${code.slice(0, CODE_LENGTH / 2)}-${code.slice(CODE_LENGTH / 2)}`,
        expiresAtMs: clock.now() + CODE_MS,
      };
    },
    pair({ code, name }) {
      const problem = problemOf(code);
      if (problem !== null) return { problem };
      const half = { id: randomBytes(8).toString('hex'), key: randomBytes(32).toString('hex') };
      const cookie = randomBytes(32).toString('hex');
      const nowMs = clock.now();
      save([
        {
          id: half.id,
          name: plainName(name),
          secretHash: hashOf(half.key, cookie),
          pairedAtMs: nowMs,
          lastSeenMs: nowMs,
        },
        ...browsers,
      ]);
      log.info('A browser was paired', { browser: half.id });
      return { half, cookie };
    },
    check({ id, key }, cookie) {
      const found = browsers.find((browser) => browser.id === id);
      // Compared even without one, so that the time doesn't tell which IDs exist.
      const isRight = isEqual(hashOf(key, cookie), found?.secretHash ?? '');
      if (!found || !isRight) return false;
      const nowMs = clock.now();
      if (nowMs - found.lastSeenMs >= DAY_MS) {
        save(browsers.map((browser) => (browser === found ? { ...browser, lastSeenMs: nowMs } : browser)));
      }
      return true;
    },
    list: () =>
      browsers.map(({ id, name, pairedAtMs, lastSeenMs }) => ({ id, name, pairedAtMs, lastSeenMs })),
    revoke(id) {
      if (!browsers.some((browser) => browser.id === id)) {
        throw new AppError('not-found', `No paired browser has the ID "${id.slice(0, 40)}".`);
      }
      save(browsers.filter((browser) => browser.id !== id));
      log.info('A paired browser was revoked', { browser: id });
      for (const listener of [...listeners]) listener(id);
    },
    onRevoked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Codes are typed from a terminal: case, spaces and hyphens don't count. */
function normalize(code: string): string {
  return code.toUpperCase().replaceAll(/[\s-]/g, '');
}

/** Removes control characters and marks that would change how a terminal or a list shows the name. */
function plainName(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ').trim() || 'Browser';
}

function hashOf(key: string, cookie: string): string {
  return createHash('sha256').update(`${key}.${cookie}`).digest('hex');
}

function isEqual(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
