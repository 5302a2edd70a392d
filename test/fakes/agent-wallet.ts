/** The fake agent's wallet: one prepared transfer, and one transaction of each state. */
import type { AgentState } from '../../shared/api/state.ts';
import type { PreparedSpend, WalletTransaction } from '../../shared/api/wallet.ts';

export const TRANSACTION_STATES: readonly WalletTransaction['state'][] = [
  'pending',
  'mined',
  'failed',
  'replaced',
  'dropped',
];

const FEE = '63000000000000';

const REASONS: Record<WalletTransaction['state'], string | null> = {
  pending: null,
  mined: null,
  failed: 'The network took the fee and rejected the transfer. Nothing was sent.',
  replaced: 'Another of your transactions replaced it.',
  dropped: 'The network dropped it. Nothing was sent.',
};

export function prepareSpend(
  input: { asset: 'token' | 'coin'; to: string; amount: string; smallTest?: boolean },
  wallet: AgentState['wallet'],
  nowMs: number,
): PreparedSpend {
  const held = input.asset === 'token' ? wallet.tokenBalance : wallet.coinBalance;
  const all = BigInt(held ?? '0') - (input.asset === 'coin' ? BigInt(FEE) : 0n);
  const amount = input.smallTest ? 10_000n : input.amount === 'all' ? all : BigInt(input.amount);
  return {
    id: 'spend-1',
    asset: input.asset,
    to: input.to,
    amount: amount.toString(),
    fee: FEE,
    total: (input.asset === 'coin' ? amount + BigInt(FEE) : amount).toString(),
    warnings: ['first-time'],
    smallTest: input.smallTest ?? false,
    expiresAtMs: nowMs + 300_000,
  };
}

export function sentTransaction(state: WalletTransaction['state'], nowMs: number): WalletTransaction {
  const number = TRANSACTION_STATES.indexOf(state);
  const mined = state === 'mined' || state === 'failed';
  const sentAtMs = nowMs - (number + 1) * 3_600_000;
  return {
    hash: `0x${String(number + 1).repeat(64)}`,
    asset: 'token',
    from: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
    to: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
    amount: '1500',
    fee: mined ? '41000000000000' : null,
    feeMax: FEE,
    nonce: 9 - number,
    state,
    reason: REASONS[state],
    replacedBy: state === 'replaced' ? `0x${'2'.repeat(64)}` : null,
    cancels: false,
    sentAtMs,
    minedAtMs: mined ? sentAtMs + 2_000 : null,
    blockNumber: mined ? 120 - number : null,
  };
}
