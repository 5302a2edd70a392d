/** Opens chain, wallet, settlement and transfers, and keeps the wallet's balances current. */
import { fundFromFaucet } from '../adapters/anvil/index.ts';
import { connectNode, readBalances } from '../adapters/ethers/index.ts';
import { type BalanceWatch, createBalanceWatch } from '../core/payments/index.ts';
import { fillFromFaucet } from '../core/practice/index.ts';
import { createRates } from '../core/rates/index.ts';
import type { ChainNetwork } from '../ports/chain.ts';
import { waitBriefly } from './briefly.ts';
import { openChain } from './chain.ts';
import type { Foundation } from './foundation.ts';
import { logFault } from './log.ts';
import { openSettling } from './settling.ts';
import { openOwnerSpending } from './spending.ts';
import type { StartupProgress } from './startup.ts';
import type { Surroundings } from './surroundings.ts';
import { openAgentWallet } from './wallet.ts';

export type Money = Awaited<ReturnType<typeof openMoney>>;

const BALANCE_INTERVAL_MS = 30_000;
/** Wait for the first balances: long for a practice chain, short for an owner. */
const FIRST_BALANCES_MS_MAX = 500;
/** Token balance of the practice requester at its start: one thousand. */
const PRACTICE_BALANCE = 1_000_000_000n;
/** Token balance of a practice owner who buys: ten. */
const PRACTICE_BUYER_BALANCE = 10_000_000n;

export async function openMoney(
  surroundings: Surroundings,
  foundation: Foundation,
  startup: Pick<StartupProgress, 'begin'>,
) {
  const { config, terms, clock, onClose, log } = surroundings;
  const { chain, opened } = await openChainAndWallet(surroundings, foundation, startup);
  const { wallet } = opened;
  const { funds, gas } = wallet.accounts;
  const node = connectNode(chain);
  onClose(() => node.close());
  const read = (address: string) => readBalances(node, address, clock);
  const fill = (address: string, tokenMin: bigint) =>
    fillFromFaucet({
      address,
      tokenMin,
      readBalances: read,
      fund: (to, token) => fundFromFaucet(chain, to, token),
      ledger: foundation.ledger,
      tokenId: chain.token.id,
      coinId: chain.coin.id,
      clock,
    });
  if (config.profile === 'practice' && surroundings.serves) {
    // An owner sends from one address and pays for claims from another.
    await Promise.all([gas.address, funds.address].map((address) => fill(address, 0n)));
  } else if (config.profile === 'practice') {
    await fill(funds.address, PRACTICE_BALANCE);
  }

  /** An owner in practice has something to buy with from the first purchase on; without one, the wallet holds earnings only. */
  const buysFromItself = (config.profile === 'practice' || !terms.isPaid) && surroundings.serves;
  const balances = openBalances(surroundings, { read, own: opened.ownAddress, fees: gas.address });
  const reportBalances = logFault(log.child('wallet'), 'The balances could not be read');
  const refreshBalances = () => {
    if (terms.isPaid) void balances.refresh().catch(reportBalances);
  };
  /** The first state has the balances, unless the chain responds slowly: then they come later. */
  const firstBalances = terms.isPaid
    ? waitBriefly(clock, FIRST_BALANCES_MS_MAX, balances.refresh().catch(reportBalances))
    : Promise.resolve();
  const settling = await openSettling(surroundings, { foundation, chain, node, wallet, refreshBalances });
  const rates = openRates(surroundings, foundation, chain);
  const owner = openOwnerSpending(surroundings, { foundation, chain, node, opened, refreshBalances });
  return {
    chain,
    node,
    wallet,
    ownAddress: opened.ownAddress,
    balances,
    firstBalances,
    channels: settling.channels,
    /** Sends from the address that pays for claims; each fee is recorded. */
    sender: settling.sender,
    settlement: settling.settlement,
    rates,
    buysFromItself,
    /** Called before a purchase. */
    prepareBuying: onceUntilDone(async () => {
      if (!buysFromItself || !terms.isPaid) return;
      await fill(funds.address, PRACTICE_BUYER_BALANCE);
      refreshBalances();
    }),
    confirmations: owner.confirmations,
    spending: owner.spending,
    secrets: owner.secrets,
    /** Refreshes balances every 30 s while `wanted`, and settles automatically where this agent sells. */
    start(wanted: () => boolean): void {
      if (!terms.isPaid) return;
      const timer = clock.every(BALANCE_INTERVAL_MS, () => {
        if (wanted()) refreshBalances();
      });
      onClose(() => timer.cancel());
      if (!surroundings.serves) return;
      rates.start();
      const querying = settling.fees.start();
      onClose(() => querying.cancel());
      settling.settlement.start();
      onClose(() => settling.settlement.stop());
      owner.spending.start();
      onClose(() => owner.spending.stop());
    },
  };
}

/** Opens both concurrently: decrypting the wallet takes as long as starting a practice chain, and needs nothing of it. */
async function openChainAndWallet(
  surroundings: Surroundings,
  foundation: Foundation,
  startup: Pick<StartupProgress, 'begin'>,
) {
  startup.begin('chain');
  const opening = openAgentWallet(surroundings, foundation);
  // Its failure is thrown below. If the chain fails, this is still waited for.
  const opened = opening.catch(() => undefined);
  try {
    const chain = await openChain(surroundings, foundation.paths.chain);
    startup.begin('wallet');
    return { chain, opened: await opening };
  } finally {
    await opened;
  }
}

function openBalances(
  { terms, changed, notices }: Surroundings,
  parts: {
    readonly read: Parameters<typeof createBalanceWatch>[0]['read'];
    readonly own: string;
    readonly fees: string;
  },
): BalanceWatch {
  return createBalanceWatch({
    read: parts.read,
    earningsAddress: parts.own,
    feeAddress: parts.fees,
    onRefresh(isChainAvailable) {
      if (isChainAvailable) notices.clear('chain-unavailable');
      else {
        const details = { network: terms.networkName };
        notices.show('chain-unavailable', { severity: 'warning', details });
      }
      changed('wallet');
    },
  });
}

/** Rates are queried only from a source that the owner chose, through the proxies that the environment names. */
function openRates(
  { clock, onClose, changed, log }: Surroundings,
  { records, settings }: Foundation,
  { token, coin }: ChainNetwork,
) {
  const rates = createRates({
    records,
    settings: settings.get,
    onSettings: settings.onChange,
    token,
    coin,
    clock,
    fetch,
    changed: () => changed('money'),
    log: log.child('rates'),
  });
  onClose(() => rates.stop());
  return rates;
}

/** Shares one run between all callers; a failed one is run again by the next caller. */
function onceUntilDone(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => {
    running ??= run().catch((error: unknown) => {
      running = null;
      throw error;
    });
    return running;
  };
}
