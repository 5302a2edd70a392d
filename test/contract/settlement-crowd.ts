/** Two payers, two receivers and a stranger on a real chain, who take the steps of settlement-model.ts. */
import assert from 'node:assert/strict';
import settlementArtifact from '../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import collectorArtifact from '../../contracts/artifacts/Permit2DepositCollector.json' with { type: 'json' };
import tokenArtifact from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import type { PracticeChain } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, createSender } from '../../main/adapters/ethers/index.ts';
import type { Account, ChainSender, Hex } from '../../main/ports/evm.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { amount } from '../../shared/money.ts';
import {
  COLLECTOR,
  type Config,
  type ContractDriver,
  DELAY_SECONDS,
  MINTED,
  PERMIT2,
  PERMIT2_COLLECTOR,
  SETTLEMENT,
} from './contract-driver.ts';
import { makeAccounts } from './paid-service.ts';
import { type By, claimedOf, type Model, type Step } from './settlement-model.ts';

interface Actor {
  readonly accounts: WalletAccounts;
  readonly asFunds: ChainSender;
  readonly asSession: ChainSender;
}

/** Fresh channels between the same people. */
export interface Scene {
  readonly channels: readonly Config[];
  /** By channel: what the last deposit handed in. */
  readonly lastDeposit: Map<number, readonly [bigint, string, string]>;
  readonly crowd: People;
  /** Compares everything with the model. */
  expect(model: Model, after: string): Promise<void>;
}

export interface Crowd {
  newScene(): Promise<Scene>;
}

interface People {
  readonly payers: readonly [Actor, Actor];
  readonly receivers: readonly [Actor, Actor];
  readonly stranger: Actor;
  readonly node: ChainNode;
  readonly on: ContractDriver;
  nextNonce(): bigint;
}

export async function createCrowd(chain: PracticeChain, node: ChainNode, on: ContractDriver): Promise<Crowd> {
  const token = chain.network.token.address as Hex;

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
    const args = [PERMIT2, 2n ** 255n];
    const hash = await asFunds.writeContract({
      address: token,
      abi: tokenArtifact.abi,
      functionName: 'approve',
      args,
    });
    await asFunds.waitForReceipt(hash);
  }
  let counter = 0n;
  const people: People = {
    payers,
    receivers,
    stranger,
    node,
    on,
    nextNonce: () => {
      counter += 1n;
      return counter;
    },
  };
  const everybody = [...payers, ...receivers, stranger].flatMap(({ accounts }) => [
    accounts.funds.address,
    accounts.session.address,
  ]);
  const holders = [...everybody, SETTLEMENT, COLLECTOR, PERMIT2_COLLECTOR, PERMIT2];
  const balanceCalls = holders.map((holder) => ({
    address: token,
    abi: tokenArtifact.abi,
    functionName: 'balanceOf',
    args: [holder],
  }));
  const settlementCall = (functionName: string, args: readonly unknown[]) => ({
    address: SETTLEMENT as Hex,
    abi: settlementArtifact.abi,
    functionName,
    args,
  });
  const accountCalls = receivers.map(({ accounts }) =>
    settlementCall('receivers', [accounts.funds.address, token]),
  );

  /** Everything that a step could move, of one block. */
  async function look(channels: readonly Config[]) {
    const ids = channels.map(on.idOf);
    const all = await node.readContracts([
      ...balanceCalls,
      ...accountCalls,
      ...['channels', 'pendingWithdrawals', 'refundNonce'].flatMap((name) =>
        ids.map((id) => settlementCall(name, [id])),
      ),
    ]);
    const rest = all.slice(balanceCalls.length) as (readonly bigint[])[];
    const [held, pending, nonces] = [0, 1, 2].map((part) => rest.slice(2 + part * 4, 6 + part * 4));
    return {
      balances: all.slice(0, balanceCalls.length) as bigint[],
      accounts: rest.slice(0, 2).map(([claimed = 0n, settled = 0n]) => [claimed, settled] as const),
      states: ids.map((_, place) => [
        held?.[place]?.[0],
        held?.[place]?.[1],
        nonces?.[place] as unknown as bigint,
        pending?.[place]?.[0],
        pending?.[place]?.[1] !== 0n,
      ]),
    };
  }

  return {
    async newScene() {
      const channels = [0, 1, 2, 3].map((index) => {
        const payer = payers[(index >> 1) as 0 | 1].accounts;
        const receiver = receivers[(index & 1) as 0 | 1].accounts;
        return on.config({ payer, receiver }, people.nextNonce());
      });
      // What earlier scenes left to pay out would be paid with the first settlement of this one.
      for (const { accounts } of receivers) {
        await on.send(stranger.asFunds, 'settle', [accounts.funds.address, token]);
      }
      const before = await look(channels);
      return {
        channels,
        lastDeposit: new Map(),
        crowd: people,
        async expect(model, after) {
          const now = await look(channels);
          for (const [place, state] of now.states.entries()) {
            const channel = model.channels[place];
            const { balance, claimed, nonce, withdrawal } = channel ?? assert.fail();
            const pending = withdrawal === null ? 0n : withdrawal.amount;
            assert.deepEqual(state, [balance, claimed, nonce, pending, withdrawal !== null], after);
          }
          const moved = now.balances.map((balance, place) => balance - (before.balances[place] ?? 0n));
          const [first, second] = model.spent;
          const [third, fourth] = model.paid;
          const held = first + second - third - fourth;
          assert.deepEqual(
            moved,
            [-first, 0n, -second, 0n, third, 0n, fourth, 0n, 0n, 0n, held, 0n, 0n, 0n],
            after,
          );
          for (const [place, [claimed, settled]] of now.accounts.entries()) {
            const [claimedBefore, settledBefore] = before.accounts[place] ?? assert.fail();
            assert.equal(claimed - claimedBefore, claimedOf(model, place), after);
            assert.equal(settled - settledBefore, model.paid[place as 0 | 1], after);
          }
        },
      };
    },
  };
}

/** Takes the step on the chain: whether it was taken, and if not, why. */
export async function perform(
  scene: Scene,
  model: Model,
  step: Step,
): Promise<{ state: boolean; error: string | null }> {
  try {
    await take(scene, model, step);
    return { state: true, error: null };
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('the chain refused')) {
      return { state: false, error: error.message };
    }
    throw error;
  }
}

async function take(scene: Scene, model: Model, step: Step): Promise<void> {
  const { on, stranger, node, nextNonce } = scene.crowd;
  const anybody = stranger.asFunds;
  switch (step.kind) {
    case 'deposit': {
      const channel = channelAt(scene, step.channel);
      const owner = step.honest ? payerOf(scene, step.channel).accounts.funds : stranger.accounts.funds;
      const data = await depositData(scene, owner, channel, step.sum, step.permit2);
      const collector = step.permit2 ? PERMIT2_COLLECTOR : COLLECTOR;
      await on.send(anybody, 'deposit', [channel, step.sum, collector, data]);
      scene.lastDeposit.set(step.channel, [step.sum, collector, data]);
      return;
    }
    case 'deposit-again': {
      const last = scene.lastDeposit.get(step.channel) ?? [1n, COLLECTOR, '0x'];
      await on.send(anybody, 'deposit', [channelAt(scene, step.channel), ...last]);
      return;
    }
    case 'collect': {
      const channel = channelAt(scene, step.channel);
      const owner = payerOf(scene, step.channel).accounts.funds;
      const data = await depositData(scene, owner, channel, step.sum, step.permit2);
      await anybody.writeContract({
        address: step.permit2 ? PERMIT2_COLLECTOR : COLLECTOR,
        abi: collectorArtifact.abi,
        functionName: 'collect',
        args: [channel.payer, channel.token, step.sum, on.idOf(channel), data],
      });
      return;
    }
    case 'claim': {
      const claims = await on.signClaims(
        step.rows.map((row) => ({
          ...row,
          channel: channelAt(scene, row.channel),
          signer: (row.honest ? payerOf(scene, row.channel) : stranger).accounts.session,
        })),
      );
      const first = step.rows[0]?.channel ?? 0;
      if (!step.signed) {
        await on.send(senderOf(scene, first, step.by, 'receiver'), 'claim', [claims]);
        return;
      }
      const authorizer = (step.honest ? receiverOf(scene, first) : stranger).accounts.session;
      const rows = step.rows.map((row) => ({ ...row, channel: channelAt(scene, row.channel) }));
      const signature = await on.signBatch(authorizer, rows);
      await on.send(anybody, 'claimWithSignature', [claims, signature]);
      return;
    }
    case 'refund': {
      const channel = channelAt(scene, step.channel);
      if (!step.signed) {
        await on.send(senderOf(scene, step.channel, step.by, 'receiver'), 'refund', [channel, step.sum]);
        return;
      }
      const stands = model.channels[step.channel]?.nonce ?? 0n;
      const nonce = stands + step.nonceAhead < 0n ? stands + 1n : stands + step.nonceAhead;
      const authorizer = (step.honest ? receiverOf(scene, step.channel) : stranger).accounts.session;
      const signature = await on.signRefund(authorizer, channel, step.sum, nonce);
      await on.send(anybody, 'refundWithSignature', [channel, step.sum, nonce, signature]);
      return;
    }
    case 'withdraw': {
      const sender = senderOf(scene, step.channel, step.by, 'payer');
      await on.send(sender, 'initiateWithdraw', [channelAt(scene, step.channel), step.sum]);
      return;
    }
    case 'finish-withdrawal': {
      const sender = senderOf(scene, step.channel, step.by, 'payer');
      await on.send(sender, 'finalizeWithdraw', [channelAt(scene, step.channel)]);
      return;
    }
    case 'wait':
      await node.send('evm_increaseTime', [DELAY_SECONDS + 1]);
      await node.send('evm_mine', []);
      return;
    case 'settle': {
      const receiver = scene.crowd.receivers[step.receiver as 0 | 1];
      const token = channelAt(scene, 0).token;
      await on.send(anybody, 'settle', [receiver.accounts.funds.address, token]);
    }
  }

  function depositData(of: Scene, owner: Account, channel: Config, sum: bigint, permit2: boolean) {
    return permit2
      ? of.crowd.on.permit2Data(owner, channel, sum, nextNonce())
      : of.crowd.on.depositData(owner, channel, sum, nextNonce());
  }
}

function senderOf(scene: Scene, channel: number, by: By, right: 'payer' | 'receiver'): ChainSender {
  switch (by === 'right' ? right : by) {
    case 'payer':
      return payerOf(scene, channel).asFunds;
    case 'session':
      return payerOf(scene, channel).asSession;
    case 'receiver':
      return receiverOf(scene, channel).asFunds;
    case 'authorizer':
      return receiverOf(scene, channel).asSession;
    default:
      return scene.crowd.stranger.asFunds;
  }
}

function channelAt(scene: Scene, place: number): Config {
  return scene.channels[place] ?? assert.fail('no such channel');
}

const payerOf = (scene: Scene, channel: number): Actor => scene.crowd.payers[(channel >> 1) as 0 | 1];
const receiverOf = (scene: Scene, channel: number): Actor => scene.crowd.receivers[(channel & 1) as 0 | 1];
