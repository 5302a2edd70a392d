/**
 * Verifies: Idlewatt's code agrees with the test vectors of docs/protocol.md, which others implement, too.
 * Setup: docs/protocol-vectors.json, made with the libraries of the standards and stored.
 * Fails if: a name, a hash, a format or a check changes, so that other implementations would no longer be understood, or
 * an expired, forged or foreign message were accepted.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { peerIdFromString } from '@libp2p/peer-id';
import { HintChecks } from '../../../main/adapters/libp2p/hint-checks.ts';
import { verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { cidOf } from '../../../main/adapters/libp2p/provider-records.ts';
import { recoverSigner } from '../../../main/adapters/secp256k1/index.ts';
import {
  createVoucherHashes,
  isSignedBy,
  isTakenByChain,
} from '../../../main/adapters/x402/selling/voucher-signature.ts';
import { parsePayment } from '../../../main/adapters/x402/wire.ts';
import { checkReceipt, hashTokens } from '../../../main/core/gateway/receipt-check.ts';
import { isPayable, readOffer } from '../../../main/core/identity/index.ts';
import { marketKey, rendezvousKey } from '../../../main/core/network/index.ts';
import { readVerdict } from '../../../main/core/reputation/index.ts';
import { readEvents } from '../../../main/core/sse/index.ts';
import { VECTORS } from '../../../scripts/lib/protocol-document.ts';
import { isAppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { charge } from '../../../shared/price.ts';
import { manualClock } from '../../fakes/clock.ts';
import { offerChecks } from '../../fakes/identity.ts';
import { OFFERED } from '../../fakes/market.ts';

const vectors = JSON.parse(readFileSync(VECTORS, 'utf8'));

/** Runs a test for each vector of a list, which must not be empty. */
function each<Vector extends object>(list: string, run: (vector: Vector) => unknown): void {
  const all = vectors[list] as Vector[];
  assert.ok(all.length > 0, list);
  for (const [index, vector] of all.entries()) {
    const name = 'name' in vector ? String(vector.name) : String(index + 1);
    it(`${list}: ${name}`, async () => {
      await run(vector);
    });
  }
}

async function verdictOf(reading: Promise<unknown>): Promise<string> {
  try {
    await reading;
    return 'valid';
  } catch (error) {
    assert.ok(isAppError(error, 'bad-request', 'receipt-refused'), String(error));
    return String(error.details.reason ?? 'signature');
  }
}

describe('test vectors of the protocol', () => {
  each('peers', ({ peer, publicKey }: { peer: string; publicKey: string }) => {
    const key = peerIdFromString(peer).publicKey;
    assert.ok(key?.type === 'Ed25519');
    assert.equal(Buffer.from(key.raw).toString('hex'), publicKey);
  });

  it('the key of every provider is the first market key', () => {
    assert.equal(marketKey, vectors.marketKeys[0].sha256);
  });
  each('marketKeys', ({ sha256, cid }: { sha256: string; cid: string }) => {
    assert.equal(cidOf(sha256).toString(), cid);
  });

  it('the key of the public DHT is the last market key', () => {
    assert.equal(rendezvousKey, vectors.marketKeys.at(-1).sha256);
  });

  each('hints', ({ data, atMs, verdict }: { data: string; atMs: number; verdict: string }) => {
    const checks = new HintChecks(manualClock(atMs));
    const hint = { origin: 'a peer', topic: 'a topic', data: new TextEncoder().encode(data) };
    assert.equal(checks.judge(hint), verdict);
  });

  each('offers', async (vector: OfferVector) => {
    const checks = offerChecks(manualClock(vector.atMs));
    const reading = readOffer(vector.jws, vector.peer, checks);
    assert.equal(await verdictOf(reading), vector.verdict);
    if (vector.verdict !== 'valid') return;
    const { network, assetId } = vectors;
    assert.equal(isPayable(await reading, { network, assetId }), vector.payable);
  });

  each('channels', ({ chainId, config, id }: ChannelVector) => {
    assert.equal(createVoucherHashes(Number(chainId)).channelId(config), id);
  });

  each('vouchers', (vector: VoucherVector) => {
    const hashes = createVoucherHashes(Number(vector.chainId));
    assert.equal(`0x${Buffer.from(hashes.digest(vector)).toString('hex')}`, vector.digest);
    const isValid =
      isTakenByChain(vector.signature) && isSignedBy(vector.signer, vector, hashes, recoverSigner);
    assert.equal(isValid, vector.valid);
  });

  each('payments', ({ header, verdict }: { header: string; verdict: string }) => {
    assert.equal(parsePayment(header)?.payload.type ?? 'malformed', verdict);
  });

  each('charges', ({ price, input, cached, output, charge: expected }: ChargeVector) => {
    assert.equal(charge(price, { input, cached, output }), amount(expected));
  });

  each('tokenHashes', ({ tokens, sha256 }: { tokens: number[]; sha256: string }) => {
    assert.equal(hashTokens(tokens), sha256);
  });

  each('receipts', async ({ jws, verdict, terms }: ReceiptVector) => {
    const expected = {
      ...terms,
      model: { ...OFFERED, sha256: terms.modelSha256, price: terms.price },
      ceiling: amount(terms.ceiling),
      charged: amount(terms.charged),
      inputTokensMax: 1_000,
      outputTokensMax: 1_000,
      asked: { ...terms.asked, sampling: {} },
    };
    assert.equal(await verdictOf(checkReceipt(jws, expected, verifySigned)), verdict);
  });

  each('verdicts', async ({ auditor, atMs, jws, valid }: VerdictVector) => {
    assert.equal((await readVerdict(jws, auditor, verifySigned, atMs)) !== null, valid);
  });

  each('streams', async ({ text, events }: { text: string; events: unknown[] }) => {
    const bytes = new TextEncoder().encode(text);
    for (const size of [1, 2, 7, bytes.length + 1]) {
      const read: unknown[] = [];
      for await (const batch of readEvents(inChunks(bytes, size))) read.push(...batch);
      assert.deepEqual(read, events, `in chunks of ${size} bytes`);
    }
  });
});

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

interface OfferVector {
  readonly peer: string;
  readonly atMs: number;
  readonly jws: string;
  readonly verdict: string;
  readonly payable?: boolean;
}

type Hashes = ReturnType<typeof createVoucherHashes>;

interface ChannelVector {
  readonly chainId: string;
  readonly config: Parameters<Hashes['channelId']>[0];
  readonly id: string;
}

interface VoucherVector {
  readonly chainId: string;
  readonly channelId: string;
  readonly maxClaimableAmount: string;
  readonly signer: string;
  readonly digest: string;
  readonly signature: string;
  readonly valid: boolean;
}

interface ChargeVector {
  readonly price: Parameters<typeof charge>[0];
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly charge: string;
}

interface VerdictVector {
  readonly auditor: string;
  readonly atMs: number;
  readonly jws: string;
  readonly valid: boolean;
}

interface ReceiptVector {
  readonly jws: string;
  readonly verdict: string;
  readonly terms: {
    readonly peer: string;
    readonly modelSha256: string;
    readonly asked: { readonly temperature: number; readonly topP: number; readonly seed: number | null };
    readonly price: Parameters<typeof charge>[0];
    readonly assetId: string;
    readonly channelId: string;
    readonly ceiling: string;
    readonly tokens: readonly number[];
    readonly charged: string;
  };
}
