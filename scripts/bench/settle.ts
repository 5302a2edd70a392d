/**
 * `npm run bench -- settle`: measures the cost of being paid: gas per job through channels, compared with a transfer per
 * job, and the time to verify a voucher, alone and within the gate, with our verifier and with x402's.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ZeroHash } from 'ethers';
import tokenArtifact from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { connectNode } from '../../main/adapters/ethers/index.ts';
import { recoverSigner } from '../../main/adapters/secp256k1/index.ts';
import { createVoucherHashes, isSignedBy } from '../../main/adapters/x402/index.ts';
import type { Hex } from '../../main/ports/evm.ts';
import { amount } from '../../shared/money.ts';
import { driveContract, type Party } from '../../test/contract/contract-driver.ts';
import { FOREVER } from '../../test/contract/contract-signatures.ts';
import {
  CEILING,
  makeAccounts,
  openProvider,
  openRequester,
  PAID_PATH,
  reach,
  serve,
} from '../../test/contract/paid-service.ts';
import { atLeast, atMost, type BenchResult, progress } from './result.ts';
import { drawVouchers, ethersAccepts, ethersRecovers, hashOf, SEED } from './voucher-samples.ts';

const JOBS_PER_CHANNEL = 100n;
const CHANNELS = 25;
const JOB_PRICE = 123n;
const SAMPLES = 10_000;
const ADMISSIONS = 300;

export async function run(): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-bench-settle-'));
  const chain = await startPracticeChain({ folder });
  try {
    progress('Gas: 25 channels of 25 payers, opened, claimed in one batch and paid out.');
    const gas = await measureGas(chain);
    progress(`Signatures: ${SAMPLES} vouchers, seed ${SEED}.`);
    const checks = measureChecks();
    progress(`Gate: ${ADMISSIONS} admissions each.`);
    const x402 = await measureGate(chain, 'x402');
    const ours = await measureGate(chain, 'ourselves');
    const figures = {
      ...gas,
      ...checks,
      gateX402MsMedian: x402.median,
      gateX402MsP99: x402.p99,
      gateMsMedian: ours.median,
      gateMsP99: ours.p99,
    };
    return {
      figures,
      goals: {
        claimAndSettlePerJobGas: atMost(gas.claimAndSettlePerJobGas, 300),
        withOpeningPerJobGas: atMost(gas.withOpeningPerJobGas, 1_600),
        vouchersPerSecond: atLeast(checks.vouchersPerSecond, 1_000),
        disagreementsWithEthersCount: atMost(checks.disagreementsWithEthersCount, 0),
      },
      notes: [
        `Gas of our own contracts on the practice chain, with ${JOBS_PER_CHANNEL} jobs per channel and ${CHANNELS} channels per batch; first claim and first payout, which cost the most.`,
        'The gate is timed from the request to its admission, with a store in memory; x402 is the same gate with the verifier of x402’s own server.',
        `Seed ${SEED}: IDLEWATT_SEED=${SEED} draws the same vouchers.`,
      ],
    };
  } finally {
    await chain.stop();
    rmSync(folder, { recursive: true });
  }
}

async function measureGas(chain: PracticeChain) {
  const node = connectNode(chain.network);
  const on = driveContract(chain, node);
  const provider = await on.party();
  const parties: Party[] = [];
  for (let index = 0; index < CHANNELS; index += 1) {
    parties.push({ ...(await on.party()), receiver: provider.receiver });
  }
  const jobs = JOBS_PER_CHANNEL * BigInt(CHANNELS);
  const earned = JOBS_PER_CHANNEL * JOB_PRICE;
  let open = 0n;
  for (const party of parties) open += await on.deposit(party, on.config(party), 2n * earned, 1n);
  const rows = parties.map((party) => ({
    channel: on.config(party),
    max: earned,
    total: earned,
    signer: party.payer.session,
  }));
  const batch = async (): Promise<bigint> => {
    const claims = await on.signClaims(rows);
    const signature = await on.signBatch(provider.receiver.session, rows);
    return on.send(provider.asAnybody, 'claimWithSignature', [claims, signature]);
  };
  const claim = await batch();
  const settle = await on.settle(provider);
  for (const row of rows) Object.assign(row, { max: 2n * earned, total: 2n * earned });
  const later = (await batch()) + (await on.settle(provider));
  const transfer = await measureTransfer(chain, provider);
  return {
    openPerChannelGas: perUnit(open, BigInt(CHANNELS)),
    claimPerChannelGas: perUnit(claim, BigInt(CHANNELS)),
    settleGas: Number(settle),
    claimAndSettlePerJobGas: perUnit(claim + settle, jobs),
    laterClaimAndSettlePerJobGas: perUnit(later, jobs),
    withOpeningPerJobGas: perUnit(open + claim + settle, jobs),
    erc3009PerJobGas: Number(transfer),
  };
}

/** Measures one EIP-3009 transfer of one job's price to an account that already holds tokens. */
async function measureTransfer(chain: PracticeChain, { receiver, asAnybody }: Party): Promise<bigint> {
  const token = chain.network.token.address as Hex;
  const payer = await makeAccounts();
  await chain.fund(payer.funds.address);
  const message = {
    from: payer.funds.address,
    to: receiver.funds.address,
    value: JOB_PRICE,
    validAfter: 0n,
    validBefore: FOREVER,
    nonce: ZeroHash,
  };
  const signature = await payer.funds.signTypedData({
    domain: {
      ...chain.network.token.eip712,
      chainId: chain.network.chainId,
      verifyingContract: token,
    },
    types: {
      TransferWithAuthorization: [
        { name: 'from', type: 'address' },
        { name: 'to', type: 'address' },
        { name: 'value', type: 'uint256' },
        { name: 'validAfter', type: 'uint256' },
        { name: 'validBefore', type: 'uint256' },
        { name: 'nonce', type: 'bytes32' },
      ],
    },
    primaryType: 'TransferWithAuthorization',
    message,
  });
  const hash = await asAnybody.writeContract({
    address: token,
    abi: tokenArtifact.abi,
    functionName: 'transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)',
    args: [...Object.values(message), signature],
  });
  return (await asAnybody.waitForReceipt(hash)).gasUsed;
}

function measureChecks() {
  const samples = drawVouchers(SAMPLES, SEED);
  const hashes = createVoucherHashes(31_337);
  const check = (sample: (typeof samples)[number]): boolean =>
    isSignedBy(sample.signer, sample.voucher, hashes, recoverSigner);
  for (const sample of samples.slice(0, 500)) check(sample);
  // Only valid ones are timed: an invalid one may be rejected before the expensive part.
  const good = samples.filter(({ kind }) => kind === 'good');
  let disagreements = 0;
  for (const sample of samples) {
    const digest = hashOf(sample);
    const { signature } = sample.voucher;
    if (recoverSigner(digest, signature) !== ethersRecovers(digest, signature)) disagreements += 1;
    else if (check(sample) !== ethersAccepts(sample)) disagreements += 1;
  }
  return {
    vouchersPerSecond: perSecond(good, check),
    ethersVouchersPerSecond: perSecond(good.slice(0, 1_000), ethersAccepts),
    disagreementsWithEthersCount: disagreements,
  };
}

function perSecond<T>(items: readonly T[], use: (item: T) => boolean): number {
  const startMs = performance.now();
  if (!items.every(use)) throw new Error('A valid voucher was rejected.');
  return Math.round((items.length * 1_000) / (performance.now() - startMs));
}

async function measureGate(chain: PracticeChain, checks: 'ourselves' | 'x402') {
  const [selling, buying] = await Promise.all([makeAccounts(), makeAccounts()]);
  await chain.fund(selling.gas.address, amount(0));
  await chain.fund(buying.funds.address);
  const provider = await openProvider(chain, selling, { checks });
  const service = await serve(provider);
  const requester = openRequester(chain, buying, { deposit: amount(900_000n) });
  const timesMs: number[] = [];
  try {
    for (let index = 0; index < ADMISSIONS; index += 1) {
      const lease = await requester.payer.lease(reach(service), PAID_PATH, CEILING);
      const header = (name: string): string | undefined => lease.headers[name];
      const request = { method: 'POST', path: PAID_PATH, header, ceiling: CEILING, description: 'bench' };
      const startMs = performance.now();
      const admission = await provider.gate.admit(request);
      timesMs.push(performance.now() - startMs);
      if (admission.kind !== 'admitted')
        throw new Error(`The gate rejected a valid payment: ${admission.reason}.`);
      await lease.complete((await admission.payment.settle(amount(JOB_PRICE))).paymentResponse);
    }
  } finally {
    await service.close();
  }
  // The first ones open channels and warm up the process.
  const sorted = timesMs.slice(20).sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  return { median: at(0.5), p99: at(0.99) };
}

const perUnit = (gas: bigint, units: bigint): number => Number((gas * 100n) / units) / 100;
