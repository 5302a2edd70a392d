/** Checks the invariants between both agents' ledgers and the chain after a crash; each breach is one sentence. */
import settlementArtifact from '../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import tokenArtifact from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import type { ChainNode } from '../../main/adapters/ethers/index.ts';
import { SETTLEMENT_ADDRESS } from '../../main/ports/contracts.ts';
import type { Hex } from '../../main/ports/evm.ts';
import type { Books } from './ledger-snapshot.ts';

export interface Case {
  readonly provider: Books;
  readonly requester: Books;
  readonly chain: ChainNode;
  /** The provider's payout address. */
  readonly payout: string;
  readonly requesterAddress: string;
}

/** Highest charge seen so far, by channel: a channel's charge never decreases. */
export type Memory = Map<string, bigint>;

/** Maximum cost of one request of the run: neither side ever risks more than that on a channel. */
export interface Limits {
  readonly exposure: bigint;
}

/** Returns every breach; empty if no invariant is violated. Updates `memory`. */
export async function findBreaches(facts: Case, memory: Memory, limits: Limits): Promise<readonly string[]> {
  const { provider, requester } = facts;
  const onChain = await readChain(facts);
  return [
    ...provider.errors.map((error) => `provider: ${error}`),
    ...requester.errors.map((error) => `requester: ${error}`),
    ...provider.unfinished.map((job) => `provider: ${job}`),
    ...requester.unfinished.map((job) => `requester: ${job}`),
    ...[...provider.sold.keys()].flatMap((id) => channelBreaches(id, { facts, onChain, memory, limits })),
    ...[...onChain.channels].flatMap(([id, { balance }]) =>
      difference(`channel ${id.slice(0, 10)}: deposits`, requester.deposits.get(id) ?? 0n, balance),
    ),
    ...totalBreaches(facts, onChain),
  ];
}

interface Check {
  readonly facts: Case;
  readonly onChain: OnChain;
  readonly memory: Memory;
  readonly limits: Limits;
}

function channelBreaches(id: string, { facts, onChain, memory, limits }: Check): readonly string[] {
  const { provider, requester } = facts;
  const { charged, signed } = provider.sold.get(id) ?? { charged: 0n, signed: 0n };
  const name = `channel ${id.slice(0, 10)}`;
  const breaches: string[] = [];
  const known = memory.get(id) ?? 0n;
  if (charged < known) breaches.push(`${name} went back from ${known} to ${charged}`);
  memory.set(id, charged > known ? charged : known);
  if (signed < charged) breaches.push(`${name} charged ${charged} with a voucher for ${signed}`);
  const bought = requester.bought.get(id) ?? 0n;
  for (const reported of [bought, requester.receipts.get(id) ?? 0n]) {
    if (charged < reported)
      breaches.push(`${name} charged ${charged}, but reported ${reported} to the requester`);
  }
  const income = -(provider.byChannel.get(`income:jobs ${id}`) ?? 0n);
  const owed = provider.byChannel.get(`channels:owed ${id}`) ?? 0n;
  const claimed = onChain.channels.get(id)?.claimed ?? 0n;
  breaches.push(...difference(`${name}: income`, income, charged));
  breaches.push(...difference(`${name}: owed`, owed, charged - claimed));
  const spent = requester.byChannel.get(`expense:inference ${id}`) ?? 0n;
  if (bought > spent) breaches.push(`${name}: the requester’s channel has ${bought}, its ledger ${spent}`);
  if (spent > charged) breaches.push(`${name}: the requester recorded ${spent}, ${charged} was charged`);
  if (charged - spent > limits.exposure) {
    breaches.push(`${name}: ${charged - spent} was charged and is unknown to the requester`);
  }
  return breaches;
}

function totalBreaches({ provider, requester, chain }: Case, onChain: OnChain): readonly string[] {
  const { token, coin } = chain.network;
  const providerSum = (account: string): bigint => provider.sums.get(`${account} ${token.id}`) ?? 0n;
  const requesterWallet = requester.sums.get(`wallet ${token.id}`) ?? 0n;
  const providerCoin = provider.sums.get(`wallet ${coin.id}`) ?? 0n;
  return [
    ...difference(
      'claimed, not paid out',
      providerSum('contract:claimed'),
      onChain.claimed - onChain.settled,
    ),
    ...difference('the payout address', providerSum('wallet'), onChain.payout),
    ...difference('the requester’s wallet', requesterWallet, onChain.requesterWallet),
    ...(onChain.gas === null ? [] : difference('coin for fees', providerCoin, onChain.gas)),
  ];
}

function difference(what: string, recorded: bigint, actual: bigint): readonly string[] {
  return recorded === actual ? [] : [`${what}: the ledger has ${recorded}, the actual value is ${actual}`];
}

/** Returns the channels whose full charge the requester hasn't learned yet. */
export function apart({ provider, requester }: Pick<Case, 'provider' | 'requester'>): readonly string[] {
  return [...provider.sold].flatMap(([id, { charged }]) =>
    (requester.byChannel.get(`expense:inference ${id}`) ?? 0n) === charged ? [] : [id],
  );
}

interface OnChain {
  readonly channels: ReadonlyMap<string, { readonly balance: bigint; readonly claimed: bigint }>;
  readonly claimed: bigint;
  readonly settled: bigint;
  readonly payout: bigint;
  readonly requesterWallet: bigint;
  /** The provider's coin at the address that sends claims and at the payout address; null before the first claim. */
  readonly gas: bigint | null;
}

async function readChain({ provider, requester, chain, payout, requesterAddress }: Case): Promise<OnChain> {
  const ids = [
    ...new Set([...provider.sold.keys(), ...requester.bought.keys(), ...requester.deposits.keys()]),
  ];
  const token = chain.network.token.address as Hex;
  const at = (functionName: string, args: readonly unknown[]) => ({
    address: SETTLEMENT_ADDRESS,
    abi: settlementArtifact.abi,
    functionName,
    args,
  });
  const balanceOf = (address: string) => ({
    address: token,
    abi: tokenArtifact.abi,
    functionName: 'balanceOf',
    args: [address],
  });
  const [receiver, paid, held, ...channels] = await chain.readContracts([
    at('receivers', [payout, token]),
    balanceOf(payout),
    balanceOf(requesterAddress),
    ...ids.map((id) => at('channels', [id])),
  ]);
  const [claimed, settled] = pair(receiver);
  return {
    channels: new Map(
      ids.map((id, index) => {
        const [balance, total] = pair(channels[index]);
        return [id, { balance, claimed: total }];
      }),
    ),
    claimed,
    settled,
    payout: BigInt(String(paid)),
    requesterWallet: BigInt(String(held)),
    gas: await coinOf(chain, provider.ownTransaction, payout),
  };
}

async function coinOf(chain: ChainNode, hash: string | null, payout: string): Promise<bigint | null> {
  if (hash === null) return null;
  const transaction = (await chain.send('eth_getTransactionByHash', [hash])) as { from: string } | null;
  if (transaction === null) return null;
  const addresses = [...new Set([transaction.from.toLowerCase(), payout.toLowerCase()])];
  const held = await Promise.all(
    addresses.map((address) => chain.send('eth_getBalance', [address, 'latest'])),
  );
  return held.reduce<bigint>((sum, value) => sum + BigInt(String(value)), 0n);
}

function pair(value: unknown): readonly [bigint, bigint] {
  const [first, second] = value as readonly [bigint, bigint];
  return [BigInt(first), BigInt(second)];
}
