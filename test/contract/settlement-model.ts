/** The settlement contract in a few lines: what each step should do, for comparison with the real one. */

export type By = 'right' | 'stranger' | 'payer' | 'session' | 'receiver' | 'authorizer';

export interface ClaimRowStep {
  readonly channel: number;
  readonly max: bigint;
  readonly total: bigint;
  readonly honest: boolean;
}

/** `honest` is false where a stranger signed; `by` sends where no signature speaks for the sender. */
export type Step =
  | {
      readonly kind: 'deposit';
      readonly channel: number;
      readonly sum: bigint;
      readonly honest: boolean;
      readonly permit2: boolean;
    }
  /** The last deposit's data once more. */
  | { readonly kind: 'deposit-again'; readonly channel: number }
  /** A stranger takes a payer's good signature to the collector itself. */
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
  /** Longer than the delay of a withdrawal. */
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
  /** By payer: what left the wallet and did not come back. */
  readonly spent: [bigint, bigint];
  /** By receiver: what was paid out. */
  readonly paid: [bigint, bigint];
}

/** Two payers and two receivers, a channel for each pair. */
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

/** Applies the step; false, with nothing changed, where it must be refused. */
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
    case 'refund': {
      const channel = at(model, step.channel);
      const allowed = step.signed
        ? step.honest && step.nonceAhead === 0n
        : ['right', 'receiver', 'authorizer'].includes(step.by);
      if (!allowed || step.sum === 0n) return false;
      const given = least(step.sum, channel.balance - channel.claimed);
      channel.nonce += 1n;
      if (given > 0n && channel.withdrawal !== null) {
        const left = channel.withdrawal.amount - given;
        channel.withdrawal = left > 0n ? { ...channel.withdrawal, amount: left } : null;
      }
      giveBack(model, channel, given);
      return true;
    }
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
      giveBack(model, channel, least(channel.withdrawal.amount, channel.balance - channel.claimed));
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
    // What is claimed already is taken silently.
    if (row.total <= (claimed[row.channel] ?? 0n)) continue;
    if (!row.honest || row.total > row.max || row.total > channel.balance) return false;
    claimed[row.channel] = row.total;
  }
  for (const [place, total] of claimed.entries()) at(model, place).claimed = total;
  return true;
}

/** A sender who is one receiver may not claim for the other. */
function maySend({ by }: Extract<Step, { kind: 'claim' }>, channel: ModelChannel, receiver: number): boolean {
  return ['right', 'receiver', 'authorizer'].includes(by) && channel.receiver === receiver;
}

function isPaying(by: By): boolean {
  return by === 'right' || by === 'payer' || by === 'session';
}

function giveBack(model: Model, channel: ModelChannel, amount: bigint): void {
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
