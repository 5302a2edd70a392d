/** Performs the steps of settlement-model.ts on the chain. */
import assert from 'node:assert/strict';
import collectorArtifact from '../../contracts/artifacts/Permit2DepositCollector.json' with { type: 'json' };
import { ERC3009_COLLECTOR_ADDRESS, PERMIT2_COLLECTOR_ADDRESS } from '../../main/ports/contracts.ts';
import type { Account, ChainSender } from '../../main/ports/evm.ts';
import { DELAY_SECONDS } from './contract-driver.ts';
import type { Config } from './contract-signatures.ts';
import type { Actor, Scene } from './settlement-crowd.ts';
import type { By, Model, Step } from './settlement-model.ts';

type StepOf<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>;

/** Performs the step; `state` is true when the chain accepted it, otherwise `error` has the reason. */
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
  const { on, node } = scene.actors;
  switch (step.kind) {
    case 'deposit':
      return deposit(scene, step);
    case 'deposit-again': {
      const last = scene.lastDeposit.get(step.channel) ?? [1n, ERC3009_COLLECTOR_ADDRESS, '0x'];
      await on.send(anybody(scene), 'deposit', [channelAt(scene, step.channel), ...last]);
      return;
    }
    case 'collect':
      return collect(scene, step);
    case 'claim':
      return claim(scene, step);
    case 'refund':
      return refund(scene, model, step);
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
      const receiver = scene.actors.receivers[step.receiver as 0 | 1];
      const { token } = channelAt(scene, 0);
      await on.send(anybody(scene), 'settle', [receiver.accounts.funds.address, token]);
    }
  }
}

async function deposit(scene: Scene, step: StepOf<'deposit'>): Promise<void> {
  const { on, stranger } = scene.actors;
  const channel = channelAt(scene, step.channel);
  const owner = step.honest ? payerOf(scene, step.channel).accounts.funds : stranger.accounts.funds;
  const data = await depositData(scene, owner, step);
  const collector = step.permit2 ? PERMIT2_COLLECTOR_ADDRESS : ERC3009_COLLECTOR_ADDRESS;
  await on.send(anybody(scene), 'deposit', [channel, step.sum, collector, data]);
  scene.lastDeposit.set(step.channel, [step.sum, collector, data]);
}

async function collect(scene: Scene, step: StepOf<'collect'>): Promise<void> {
  const channel = channelAt(scene, step.channel);
  const owner = payerOf(scene, step.channel).accounts.funds;
  const data = await depositData(scene, owner, step);
  await anybody(scene).writeContract({
    address: step.permit2 ? PERMIT2_COLLECTOR_ADDRESS : ERC3009_COLLECTOR_ADDRESS,
    abi: collectorArtifact.abi,
    functionName: 'collect',
    args: [channel.payer, channel.token, step.sum, scene.actors.on.idOf(channel), data],
  });
}

async function claim(scene: Scene, step: StepOf<'claim'>): Promise<void> {
  const { on, stranger } = scene.actors;
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
  await on.send(anybody(scene), 'claimWithSignature', [claims, signature]);
}

async function refund(scene: Scene, model: Model, step: StepOf<'refund'>): Promise<void> {
  const { on, stranger } = scene.actors;
  const channel = channelAt(scene, step.channel);
  if (!step.signed) {
    await on.send(senderOf(scene, step.channel, step.by, 'receiver'), 'refund', [channel, step.sum]);
    return;
  }
  const current = model.channels[step.channel]?.nonce ?? 0n;
  const nonce = current + step.nonceAhead < 0n ? current + 1n : current + step.nonceAhead;
  const authorizer = (step.honest ? receiverOf(scene, step.channel) : stranger).accounts.session;
  const signature = await on.signRefund(authorizer, channel, step.sum, nonce);
  await on.send(anybody(scene), 'refundWithSignature', [channel, step.sum, nonce, signature]);
}

function depositData(
  scene: Scene,
  owner: Account,
  { channel: place, sum, permit2 }: StepOf<'deposit'> | StepOf<'collect'>,
): Promise<string> {
  const { on, nextNonce } = scene.actors;
  const channel = channelAt(scene, place);
  return permit2
    ? on.permit2Data(owner, channel, { sum, nonce: nextNonce() })
    : on.depositData(owner, channel, sum, nextNonce());
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
      return scene.actors.stranger.asFunds;
  }
}

function channelAt(scene: Scene, place: number): Config {
  return scene.channels[place] ?? assert.fail('no such channel');
}

const anybody = (scene: Scene): ChainSender => scene.actors.stranger.asFunds;
const payerOf = (scene: Scene, channel: number): Actor => scene.actors.payers[(channel >> 1) as 0 | 1];
const receiverOf = (scene: Scene, channel: number): Actor => scene.actors.receivers[(channel & 1) as 0 | 1];
