/** Logs how earned money moves to the wallet, and what is deposited into payment channels. */
import { assertNever } from '../../../shared/assert.ts';
import type { Amount, Asset } from '../../../shared/money.ts';
import type { SettlementEvent } from '../../ports/chain.ts';
import type { Log } from '../../ports/log.ts';
import { moneyText, shortId } from './text.ts';

/** Logs claims, payouts, dropped transactions, and each new reason to wait; a retry for the same reason is left out. */
export function logSettlement(
  log: Log,
  settlement: { onEvent(listener: (event: SettlementEvent) => void): () => void },
  assets: { readonly token: Asset; readonly coin: Asset },
): () => void {
  let waitingFor: string | null = null;
  return settlement.onEvent((event) => {
    if (event.type === 'waiting' && event.reason === waitingFor) return;
    waitingFor = event.type === 'waiting' ? event.reason : null;
    log.info(...settlementLine(event, assets.token, assets.coin));
  });
}

function settlementLine(
  event: SettlementEvent,
  token: Asset,
  coin: Asset,
): [string, Record<string, unknown>] {
  switch (event.type) {
    case 'claimed': {
      const sum = event.channels.reduce((total, { amount }) => total + amount, 0n);
      const channels = event.channels.length;
      return [
        'Earnings claimed',
        { channels, amount: moneyText(sum, token), ...transaction(event.tx, coin) },
      ];
    }
    case 'settled':
      return [
        'Earnings paid out to the wallet',
        { amount: moneyText(event.amount, token), ...transaction(event.tx, coin) },
      ];
    case 'undone':
      return [
        'The chain dropped a transaction, which will be repeated',
        { what: event.what, channels: event.channelIds.length, tx: event.tx.hash },
      ];
    case 'waiting':
      return ['Settlement is waiting', { reason: event.reason }];
    default:
      return assertNever(event);
  }
}

function transaction(tx: { readonly hash: string; readonly fee: Amount }, coin: Asset) {
  return { fee: moneyText(tx.fee, coin), tx: tx.hash };
}

export interface LoggedDeposit {
  readonly peer: string;
  readonly channelId: string;
  readonly amount: Amount;
  /** Balance of the channel afterwards. */
  readonly total: Amount;
  readonly txHash: string;
}

/** A channel whose balance equals this deposit was just opened. */
export function logDeposit(log: Log, deposit: LoggedDeposit, token: Asset): void {
  const { peer, channelId, amount, total, txHash } = deposit;
  log.info(amount === total ? 'Payment channel opened' : 'Payment channel topped up', {
    channel: shortId(channelId),
    provider: shortId(peer),
    deposit: moneyText(amount, token),
    balance: moneyText(total, token),
    tx: txHash,
  });
}
