/** A small model of the settlement contract: the expected effect of each step, for comparison with the real one. */

export type By = 'right' | 'stranger' | 'payer' | 'session' | 'receiver' | 'authorizer';

export interface ClaimRowStep {
  readonly channel: number;
  readonly max: bigint;
  readonly total: bigint;
  readonly honest: boolean;
}

/** `honest` is false when a stranger signed; `by` is the sender when the call is not authorized by a signature. */
export type Step =
  | {
      readonly kind: 'deposit';
      readonly channel: number;
      readonly sum: bigint;
      readonly honest: boolean;
      readonly permit2: boolean;
    }
  /** Repeats the data of the last deposit. */
  | { readonly kind: 'deposit-again'; readonly channel: number }
  /** A stranger calls the collector directly with a payer's valid signature. */
  | { readonly kind: 'collect'; readonly channel: number; readonly sum: bigint; readonly permit2: boolean }
  | {
      readonly kind: 'claim';
      readonly rows: readonly ClaimRowStep[];
      readonly signed: boolean;
      readonly by: By;
      readonly honest: boolean;
    }
  | {
      readonly kind: 'refund';
      readonly channel: number;
      readonly sum: bigint;
      readonly signed: boolean;
      readonly by: By;
      readonly honest: boolean;
      readonly nonceAhead: bigint;
    }
  | { readonly kind: 'withdraw'; readonly channel: number; readonly sum: bigint; readonly by: By }
  | { readonly kind: 'finish-withdrawal'; readonly channel: number; readonly by: By }
  /** Waits longer than the withdrawal delay. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'settle'; readonly receiver: number };

export interface ModelChannel {
  readonly payer: number;
  readonly receiver: number;
  balance: bigint;
  claimed: bigint;
  nonce: bigint;
  withdrawal: { amount: bigint; ready: boolean } | null;
}

export interface Model {
  readonly channels: readonly ModelChannel[];
  /** By payer: money that left the wallet and wasn't returned. */
  readonly spent: [bigint, bigint];
  /** By receiver: money that was paid out. */
  readonly paid: [bigint, bigint];
}

/** Two payers and two receivers, with one channel for each pair. */
export function createModel(): Model {
  const channels = [0, 1, 2, 3].map((index) => ({
    payer: index >> 1,
    receiver: index & 1,
    balance: 0n,
    claimed: 0n,
    nonce: 0n,
    withdrawal: null,
  }));
  return { channels, spent: [0n, 0n], paid: [0n, 0n] };
}

export function claimedOf(model: Model, receiver: number): bigint {
  return model.channels.reduce(
    (sum, channel) => sum + (channel.receiver === receiver ? channel.claimed : 0n),
    0n,
  );
}

/** Applies the step; returns false, without any change, when the contract must reject it. */
export function applyStep(model: Model, step: Step): boolean {
  switch (step.kind) {
    case 'deposit': {
      const channel = at(model, step.channel);
      if (!step.honest || step.sum === 0n) return false;
      channel.balance += step.sum;
      model.spent[index(channel.payer)] += step.sum;
      return true;
    }
    case 'deposit-again':
    case 'collect':
      return false;
    case 'claim':
      return applyClaim(model, step);
    case 'refund':
      return applyRefund(model, step);
    case 'withdraw': {
      const channel = at(model, step.channel);
      const possible = step.sum > 0n && step.sum <= channel.balance - channel.claimed;
      if (!isPaying(step.by) || channel.withdrawal !== null || !possible) return false;
      channel.withdrawal = { amount: step.sum, ready: false };
      return true;
    }
    case 'finish-withdrawal': {
      const channel = at(model, step.channel);
      if (!isPaying(step.by) || !channel.withdrawal?.ready) return false;
      returnToPayer(model, channel, least(channel.withdrawal.amount, channel.balance - channel.claimed));
      channel.withdrawal = null;
      return true;
    }
    case 'wait':
      for (const channel of model.channels) if (channel.withdrawal !== null) channel.withdrawal.ready = true;
      return true;
    case 'settle':
      model.paid[index(step.receiver)] = claimedOf(model, step.receiver);
      return true;
  }
}

function applyClaim(model: Model, step: Extract<Step, { kind: 'claim' }>): boolean {
  const [first] = step.rows;
  if (first === undefined) return false;
  const receiver = at(model, first.channel).receiver;
  const claimed = model.channels.map((channel) => channel.claimed);
  for (const row of step.rows) {
    const channel = at(model, row.channel);
    if (step.signed ? !step.honest || channel.receiver !== receiver : !maySend(step, channel, receiver)) {
      return false;
    }
    // An amount that is claimed already is accepted without effect.
    if (row.total <= (claimed[row.channel] ?? 0n)) continue;
    if (!row.honest || row.total > row.max || row.total > channel.balance) return false;
    claimed[row.channel] = row.total;
  }
  for (const [place, total] of claimed.entries()) at(model, place).claimed = total;
  return true;
}

function applyRefund(model: Model, step: Extract<Step, { kind: 'refund' }>): boolean {
  const channel = at(model, step.channel);
  const allowed = step.signed
    ? step.honest && step.nonceAhead === 0n
    : ['right', 'receiver', 'authorizer'].includes(step.by);
  if (!allowed || step.sum === 0n) return false;
  const returned = least(step.sum, channel.balance - channel.claimed);
  channel.nonce += 1n;
  if (returned > 0n && channel.withdrawal !== null) {
    const left = channel.withdrawal.amount - returned;
    channel.withdrawal = left > 0n ? { ...channel.withdrawal, amount: left } : null;
  }
  returnToPayer(model, channel, returned);
  return true;
}

/** A receiver may not claim for the other receiver. */
function maySend({ by }: Extract<Step, { kind: 'claim' }>, channel: ModelChannel, receiver: number): boolean {
  return ['right', 'receiver', 'authorizer'].includes(by) && channel.receiver === receiver;
}

function isPaying(by: By): boolean {
  return by === 'right' || by === 'payer' || by === 'session';
}

function returnToPayer(model: Model, channel: ModelChannel, amount: bigint): void {
  channel.balance -= amount;
  model.spent[index(channel.payer)] -= amount;
}

function at(model: Model, place: number): ModelChannel {
  const channel = model.channels[place];
  if (channel === undefined) throw new Error('no such channel');
  return channel;
}

const index = (place: number): 0 | 1 => (place === 0 ? 0 : 1);
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
