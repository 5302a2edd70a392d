/** Two payers, two receivers and a stranger on a real chain, and the comparison of the chain with the model. */
import assert from 'node:assert/strict';
import settlementArtifact from '../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import tokenArtifact from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import type { PracticeChain } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, createSender } from '../../main/adapters/ethers/index.ts';
import {
  ERC3009_COLLECTOR_ADDRESS,
  PERMIT2_ADDRESS,
  PERMIT2_COLLECTOR_ADDRESS,
  SETTLEMENT_ADDRESS,
} from '../../main/ports/contracts.ts';
import type { ChainSender, ContractCall, Hex } from '../../main/ports/evm.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { amount } from '../../shared/money.ts';
import { type ContractDriver, MINTED } from './contract-driver.ts';
import type { Config } from './contract-signatures.ts';
import { makeAccounts } from './paid-service.ts';
import { claimedOf, type Model } from './settlement-model.ts';

export interface Actor {
  readonly accounts: WalletAccounts;
  readonly asFunds: ChainSender;
  readonly asSession: ChainSender;
}

export interface Actors {
  readonly payers: readonly [Actor, Actor];
  readonly receivers: readonly [Actor, Actor];
  readonly stranger: Actor;
  readonly node: ChainNode;
  readonly on: ContractDriver;
  nextNonce(): bigint;
}

/** Fresh channels between the same actors. */
export interface Scene {
  readonly channels: readonly Config[];
  /** Arguments of the last deposit, by channel. */
  readonly lastDeposit: Map<number, readonly [bigint, string, string]>;
  readonly actors: Actors;
  /** Compares the complete state with the model. */
  expect(model: Model, after: string): Promise<void>;
}

export interface Crowd {
  newScene(): Promise<Scene>;
}

/** Everything that a step could change. */
interface ChainState {
  /** By holder: each actor's two addresses, then the contracts. */
  readonly balances: readonly bigint[];
  /** By receiver: claimed and settled. */
  readonly receivers: readonly (readonly [bigint, bigint])[];
  /** By channel: balance, claimed, refund nonce, pending withdrawal, and whether there is one. */
  readonly channels: readonly (readonly unknown[])[];
}

export async function createCrowd(chain: PracticeChain, node: ChainNode, on: ContractDriver): Promise<Crowd> {
  const token = chain.network.token.address as Hex;
  const actors = await createActors(chain, node, on);
  const readState = createStateReader(actors, token);
  return {
    async newScene() {
      const channels = [0, 1, 2, 3].map((index) => {
        const payer = actors.payers[(index >> 1) as 0 | 1].accounts;
        const receiver = actors.receivers[(index & 1) as 0 | 1].accounts;
        return on.config({ payer, receiver }, actors.nextNonce());
      });
      // Pays out the rest of earlier scenes; otherwise the first payout of this scene would include it.
      for (const { accounts } of actors.receivers) {
        await on.send(actors.stranger.asFunds, 'settle', [accounts.funds.address, token]);
      }
      const before = await readState(channels);
      return {
        channels,
        lastDeposit: new Map(),
        actors,
        expect: async (model, after) => expectState({ before, now: await readState(channels) }, model, after),
      };
    },
  };
}

async function createActors(chain: PracticeChain, node: ChainNode, on: ContractDriver): Promise<Actors> {
  async function actor(tokens: bigint): Promise<Actor> {
    const accounts = await makeAccounts();
    await chain.fund(accounts.funds.address, amount(tokens));
    await chain.fund(accounts.session.address, amount(0));
    return {
      accounts,
      asFunds: createSender(node, accounts.funds),
      asSession: createSender(node, accounts.session),
    };
  }
  const payers = [await actor(MINTED), await actor(MINTED)] as const;
  const receivers = [await actor(0n), await actor(0n)] as const;
  const stranger = await actor(0n);
  for (const { asFunds } of payers) {
    const hash = await asFunds.writeContract({
      address: chain.network.token.address as Hex,
      abi: tokenArtifact.abi,
      functionName: 'approve',
      args: [PERMIT2_ADDRESS, 2n ** 255n],
    });
    await asFunds.waitForReceipt(hash);
  }
  let counter = 0n;
  const nextNonce = (): bigint => {
    counter += 1n;
    return counter;
  };
  return { payers, receivers, stranger, node, on, nextNonce };
}

/** Returns a function that reads the complete state from one block. */
function createStateReader(actors: Actors, token: Hex): (channels: readonly Config[]) => Promise<ChainState> {
  const { payers, receivers, stranger, node, on } = actors;
  const holders = [
    ...[...payers, ...receivers, stranger].flatMap(({ accounts }) => [
      accounts.funds.address,
      accounts.session.address,
    ]),
    ...[SETTLEMENT_ADDRESS, ERC3009_COLLECTOR_ADDRESS, PERMIT2_COLLECTOR_ADDRESS, PERMIT2_ADDRESS],
  ];
  const balanceCalls = holders.map((holder) => ({
    address: token,
    abi: tokenArtifact.abi,
    functionName: 'balanceOf',
    args: [holder],
  }));
  const receiverCalls = receivers.map(({ accounts }) =>
    settlementCall('receivers', [accounts.funds.address, token]),
  );
  return async (channels) => {
    const ids = channels.map(on.idOf);
    const all = await node.readContracts([
      ...balanceCalls,
      ...receiverCalls,
      ...['channels', 'pendingWithdrawals', 'refundNonce'].flatMap((name) =>
        ids.map((id) => settlementCall(name, [id])),
      ),
    ]);
    const rest = all.slice(balanceCalls.length) as (readonly bigint[])[];
    const [held, pending, nonces] = [0, 1, 2].map((part) => rest.slice(2 + part * 4, 6 + part * 4));
    return {
      balances: all.slice(0, balanceCalls.length) as bigint[],
      receivers: rest.slice(0, 2).map(([claimed = 0n, settled = 0n]) => [claimed, settled] as const),
      channels: ids.map((_, place) => [
        held?.[place]?.[0],
        held?.[place]?.[1],
        nonces?.[place] as unknown as bigint,
        pending?.[place]?.[0],
        pending?.[place]?.[1] !== 0n,
      ]),
    };
  };
}

function expectState(
  { before, now }: { readonly before: ChainState; readonly now: ChainState },
  model: Model,
  after: string,
): void {
  for (const [place, state] of now.channels.entries()) {
    const { balance, claimed, nonce, withdrawal } = model.channels[place] ?? assert.fail();
    const pending = withdrawal === null ? 0n : withdrawal.amount;
    assert.deepEqual(state, [balance, claimed, nonce, pending, withdrawal !== null], after);
  }
  const moved = now.balances.map((balance, place) => balance - (before.balances[place] ?? 0n));
  const [first, second] = model.spent;
  const [third, fourth] = model.paid;
  const held = first + second - third - fourth;
  assert.deepEqual(moved, [-first, 0n, -second, 0n, third, 0n, fourth, 0n, 0n, 0n, held, 0n, 0n, 0n], after);
  for (const [place, [claimed, settled]] of now.receivers.entries()) {
    const [claimedBefore, settledBefore] = before.receivers[place] ?? assert.fail();
    assert.equal(claimed - claimedBefore, claimedOf(model, place), after);
    assert.equal(settled - settledBefore, model.paid[place as 0 | 1], after);
  }
}

function settlementCall(functionName: string, args: readonly unknown[]): ContractCall {
  return { address: SETTLEMENT_ADDRESS, abi: settlementArtifact.abi, functionName, args };
}
