/** Compares the bytes that a machine has used at one relay, by its own count, with the relay's count. */
import { RELAY_GRACE_BYTES, RELAY_STEP_BYTES, type RelayAllowance } from '../../../shared/relaying.ts';

/**
 * Bytes that a relay may have counted beyond this machine's count: those that were on their way when connections ended, and
 * a share of all.
 */
const LOST_BYTES = 500_000;
const LOST_PERCENT = 2;

export class RelayAccount {
  /** The relay's count when it was first asked in this run. */
  #first: RelayAllowance | null = null;
  /** Since then: bytes by this machine's count, and steps that the relay has charged. */
  #counted = 0;
  #steps = 0;
  #left = 0;
  #isKnown = false;

  /** False if the relay has to be asked for its count: it never was, or a response was lost. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Nothing is left of what was bought. */
  get isUsedUp(): boolean {
    return this.#left <= 0;
  }

  /** So little of the grace is left that the relay may soon cut this machine. */
  get isInDebt(): boolean {
    return this.#left <= -RELAY_GRACE_BYTES / 2;
  }

  count(bytes: number): void {
    this.#counted += bytes;
    this.#left -= bytes;
  }

  /** Counts a step that the relay has charged, whether or not it has added it. */
  charged(): void {
    this.#steps += 1;
  }

  /** Takes the relay's count. Returns false if it lacks a charged step, or counts more than came. */
  take(told: RelayAllowance): boolean {
    const first = this.#first ?? told;
    this.#first = first;
    this.#left = told.boughtBytes - told.usedBytes;
    this.#isKnown = true;
    const usedMax = first.usedBytes + this.#counted * (1 + LOST_PERCENT / 100) + LOST_BYTES;
    const hasSteps = told.boughtBytes >= first.boughtBytes + this.#steps * RELAY_STEP_BYTES;
    // It forwards no more than its grace beyond what is paid.
    return hasSteps && told.usedBytes <= usedMax && this.#left >= -RELAY_GRACE_BYTES;
  }

  forget(): void {
    this.#isKnown = false;
  }
}
