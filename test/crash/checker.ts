/** What must hold between the two agents' books and the chain after any crash; each breach in one sentence. */
import settlementArtifact from '../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import tokenArtifact from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import type { ChainNode } from '../../main/adapters/ethers/index.ts';
import type { Hex } from '../../main/ports/evm.ts';
import type { Books } from './ledger-snapshot.ts';

const SETTLEMENT: Hex = '0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003';

export interface Case {
  readonly provider: Books;
  readonly requester: Books;
  readonly chain: ChainNode;
  /** Payout address and the requester's own. */
  readonly payout: string;
  readonly purse: string;
}

/** What was seen before: a channel's charge never goes back. */
export type Memory = Map<string, bigint>;

/** The most that one request of the run may cost: neither side ever risks more than that on a channel. */
export interface Limits {
  readonly exposure: bigint;
}

/** Every breach, or none. `memory` is brought up to what was seen. */
export async function judge(facts: Case, memory: Memory, limits: Limits): Promise<readonly string[]> {
  const { provider, requester, chain } = facts;
  const breaches = [
    ...provider.errors.map((error) => `provider: ${error}`),
    ...requester.errors.map((error) => `requester: ${error}`),
    ...provider.unfinished.map((job) => `provider: ${job}`),
    ...requester.unfinished.map((job) => `requester: ${job}`),
  ];
  const equal = (what: string, booked: bigint, real: bigint): void => {
    if (booked !== real) breaches.push(`${what}: the books say ${booked}, the truth is ${real}`);
  };
  const token = chain.network.token;
  const onChain = await readChain(facts);

  for (const [id, { charged, signed }] of provider.sold) {
    const name = `channel ${id.slice(0, 10)}`;
    const known = memory.get(id) ?? 0n;
    if (charged < known) breaches.push(`${name} went back from ${known} to ${charged}`);
    memory.set(id, charged > known ? charged : known);
    if (signed < charged) breaches.push(`${name} charged ${charged} with a voucher for ${signed}`);
    for (const told of [requester.bought.get(id) ?? 0n, requester.receipts.get(id) ?? 0n]) {
      if (charged < told) breaches.push(`${name} charged ${charged}, but the requester was told ${told}`);
    }
    equal(`${name}: income`, -(provider.byChannel.get(`income:jobs ${id}`) ?? 0n), charged);
    const claimed = onChain.channels.get(id)?.claimed ?? 0n;
    equal(`${name}: owed`, provider.byChannel.get(`channels:owed ${id}`) ?? 0n, charged - claimed);
    const spent = requester.byChannel.get(`expense:inference ${id}`) ?? 0n;
    const told = requester.bought.get(id) ?? 0n;
    if (told > spent) breaches.push(`${name}: the requester was told ${told} and booked ${spent}`);
    if (spent > charged) breaches.push(`${name}: the requester booked ${spent}, ${charged} was charged`);
    if (charged - spent > limits.exposure) {
      breaches.push(`${name}: ${charged - spent} was charged and is unknown to the requester`);
    }
  }
  for (const [id, { balance }] of onChain.channels) {
    equal(`channel ${id.slice(0, 10)}: deposits`, requester.deposits.get(id) ?? 0n, balance);
  }
  const providerSum = (account: string): bigint => provider.sums.get(`${account} ${token.id}`) ?? 0n;
  equal('claimed, not paid out', providerSum('contract:claimed'), onChain.claimed - onChain.settled);
  equal('the payout address', providerSum('wallet'), onChain.payout);
  equal('the requester’s wallet', requester.sums.get(`wallet ${token.id}`) ?? 0n, onChain.purse);
  if (onChain.gas !== null) {
    equal('coin for fees', provider.sums.get(`wallet ${chain.network.coin.id}`) ?? 0n, onChain.gas);
  }
  return breaches;
}

/** Channels on which the requester does not know yet what it was charged. */
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
  readonly purse: bigint;
  /** The provider's coin, at the address that sends claims and at the payout's; null before it sent one. */
  readonly gas: bigint | null;
}

async function readChain({ provider, requester, chain, payout, purse }: Case): Promise<OnChain> {
  const ids = [
    ...new Set([...provider.sold.keys(), ...requester.bought.keys(), ...requester.deposits.keys()]),
  ];
  const token = chain.network.token.address as Hex;
  const at = (functionName: string, args: readonly unknown[]) => ({
    address: SETTLEMENT,
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
    balanceOf(purse),
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
    purse: BigInt(String(held)),
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
