/**
 * Writes `docs/protocol-vectors.json` with the libraries of the standards (jose, ethers, x402, multiformats), not with
 * Idlewatt's own code, which a test compares: `node scripts/generators/make-protocol-vectors.ts`, then
 * `npm run format -- docs/protocol-vectors.json`.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { encodePaymentSignatureHeader } from '@x402/core/http';
import { computeChannelId } from '@x402/evm/batch-settlement/client';
import { AbiCoder, keccak256, Signature, TypedDataEncoder, toBeHex, Wallet } from 'ethers';
import { CompactSign, importJWK } from 'jose';
import { base58btc } from 'multiformats/bases/base58';
import { CID } from 'multiformats/cid';
import * as raw from 'multiformats/codecs/raw';
import { create as createDigest } from 'multiformats/hashes/digest';
import { MARKET_NAME, PAYMENT_RESPONSE_EVENT, RECEIPT_EVENT, RENDEZVOUS_NAME } from '../../shared/wire.ts';
import { VECTORS } from '../lib/protocol-document.ts';

const NOW_MS = 1_800_000_000_000;
const CHAIN_ID = '31337';
const NETWORK = `eip155:${CHAIN_ID}`;
const TOKEN = '0x5FbDB2315678afecb367f032d93F642f64180aa3';
const ASSET = { id: `${NETWORK}/${TOKEN.toLowerCase()}`, symbol: 'pUSDC', decimals: 6, practice: true };
const CONTRACT = '0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003';
const COLLECTOR = '0x4020806089470a89826cB9fB1f4059150b550004';
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const provider = await peerOf(1);
const stranger = await peerOf(2);
const payout = new Wallet(`0x${'11'.repeat(32)}`);
const payer = new Wallet(`0x${'22'.repeat(32)}`);
const session = new Wallet(`0x${'33'.repeat(32)}`);
const authorizer = new Wallet(`0x${'44'.repeat(32)}`);

interface Signer {
  readonly peer: string;
  readonly publicKey: string;
  sign(payload: unknown, header?: object): Promise<string>;
}

async function peerOf(seed: number): Promise<Signer> {
  const key = (await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(seed))) as Ed25519PrivateKey;
  const peer = peerIdFromPrivateKey(key).toString();
  const [d, x] = [key.raw.subarray(0, 32), key.publicKey.raw].map((bytes) =>
    Buffer.from(bytes).toString('base64url'),
  );
  const jwk = await importJWK({ kty: 'OKP', crv: 'Ed25519', d: d ?? '', x: x ?? '' }, 'EdDSA');
  return {
    peer,
    publicKey: Buffer.from(key.publicKey.raw).toString('hex'),
    sign: (payload, header) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
        .setProtectedHeader({ alg: 'EdDSA', kid: peer, ...header })
        .sign(jwk),
  };
}

const PRICE = { inputPerMillion: '20000', outputPerMillion: '80000', cachedInputPerMillion: '5000' };
const MODEL = {
  id: 'tiny',
  sha256: 'a'.repeat(64),
  quantisation: 'Q8_0',
  contextTokens: 4_096,
  price: PRICE,
  prefillTokensPerSecond: 900,
  decodeTokensPerSecond: null,
};

const EXPIRES_AT_MS = NOW_MS + 300_000;

/** The credential by which peer and payout address vouch for each other. */
async function bind(
  wallet: Wallet,
  times: { nbf?: number; exp?: number } = {},
  signer = provider,
): Promise<string> {
  const { nbf = NOW_MS / 1_000 - 3_600, exp = NOW_MS / 1_000 + 3_600 } = times;
  const did = `did:key:${base58btc.encode(Buffer.from(`ed01${signer.publicKey}`, 'hex'))}`;
  const subject = `did:pkh:${NETWORK}:${payout.address}`;
  const field = (name: string, type: string) => ({ name, type });
  const signature = await wallet.signTypedData(
    { name: 'Idlewatt identity', version: '1' },
    {
      PeerBinding: [
        field('peer', 'string'),
        field('payout', 'address'),
        field('fromSeconds', 'uint64'),
        field('untilSeconds', 'uint64'),
      ],
    },
    { peer: signer.peer, payout: payout.address, fromSeconds: nbf, untilSeconds: exp },
  );
  const vc = {
    '@context': ['https://www.w3.org/2018/credentials/v1'],
    type: ['VerifiableCredential', 'IdlewattPeerBinding'],
    credentialSubject: { id: subject, peer: signer.peer },
    evidence: [{ type: ['EthereumEip712Signature'], signature }],
  };
  const header = { kid: `${did}#${did.slice('did:key:'.length)}`, typ: 'JWT' };
  return signer.sign({ iss: did, sub: subject, nbf, exp, vc }, header);
}

async function offers() {
  const offer = {
    peer: provider.peer,
    payout: payout.address,
    binding: await bind(payout),
    networks: [NETWORK],
    asset: ASSET,
    models: [MODEL],
    slots: 4,
    issuedAtMs: NOW_MS - 300_000,
    expiresAtMs: EXPIRES_AT_MS,
  };
  const made = [...(await honestOffers(offer)), ...(await forgedOffers(offer))];
  return made.map(([name, jws, verdict, payable = true]) => ({
    name,
    peer: provider.peer,
    atMs: NOW_MS,
    jws,
    verdict,
    ...(verdict === 'valid' && { payable }),
  }));
}

type Case = readonly [name: string, jws: string, verdict: string, payable?: boolean];

async function honestOffers(offer: object): Promise<readonly Case[]> {
  const signed = (change: object) => provider.sign({ ...offer, binding: null, ...change });
  return [
    ['valid', await provider.sign(offer), 'valid'],
    ['without a binding', await signed({}), 'valid'],
    ['a field of a later version', await signed({ later: { than: 'this' } }), 'valid'],
    ['nothing to sell', await signed({ models: [] }), 'valid'],
    ['another chain', await signed({ networks: ['eip155:1'] }), 'valid', false],
    ['another token', await signed({ asset: { ...ASSET, id: `${NETWORK}/native` } }), 'valid', false],
    ['expired', await signed({ expiresAtMs: NOW_MS }), 'expired'],
    ['issued in six minutes', await signed({ issuedAtMs: NOW_MS + 360_000 }), 'not-yet'],
    ['valid for more than a day', await signed({ expiresAtMs: NOW_MS + 86_400_000 }), 'not-yet'],
    ['65 models', await signed({ models: Array(65).fill(MODEL) }), 'malformed'],
    ['no network', await signed({ networks: [] }), 'malformed'],
  ];
}

async function forgedOffers(offer: object): Promise<readonly Case[]> {
  const [header, payload, signature] = (await provider.sign(offer)).split('.');
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const altered = encode({ ...offer, slots: 5 });
  const unsigned = encode({ alg: 'none', kid: provider.peer });
  const signed = (change: object) => provider.sign({ ...offer, ...change });
  return [
    ['another peer’s name', await signed({ peer: stranger.peer, binding: null }), 'another-peer'],
    ['another key', await stranger.sign(offer, { kid: provider.peer }), 'signature'],
    ['altered payload', `${header}.${altered}.${signature}`, 'signature'],
    ['another peer’s offer', await stranger.sign({ ...offer, peer: stranger.peer }), 'signature'],
    ['no algorithm', `${unsigned}.${payload}.`, 'signature'],
    [
      'binding signed by another address',
      await signed({ binding: await bind(payer) }),
      'binding-wallet-signature',
    ],
    [
      'binding of another peer',
      await signed({ binding: await bind(payout, {}, stranger) }),
      'binding-signature',
    ],
    [
      'binding that has ended',
      await signed({ binding: await bind(payout, { exp: NOW_MS / 1_000 }) }),
      'binding-expired',
    ],
    ['not a JWS', 'offer', 'signature'],
  ];
}

type Hex = `0x${string}`;

const CONFIG = {
  payer: payer.address as Hex,
  payerAuthorizer: session.address as Hex,
  receiver: payout.address as Hex,
  receiverAuthorizer: authorizer.address as Hex,
  token: TOKEN,
  withdrawDelay: 86_400,
  salt: `0x${'42'.repeat(32)}`,
} as const;
const CHANNEL = computeChannelId(CONFIG, NETWORK);
const VOUCHER_TYPES = {
  Voucher: [
    { name: 'channelId', type: 'bytes32' },
    { name: 'maxClaimableAmount', type: 'uint128' },
  ],
};
const domainOf = (chainId: string) => ({
  name: 'x402 Batch Settlement',
  version: '1',
  chainId,
  verifyingContract: CONTRACT,
});

async function vouchers() {
  const message = { channelId: CHANNEL, maxClaimableAmount: '12345' };
  const signed = (wallet: Wallet, given: typeof message, chainId = CHAIN_ID) =>
    wallet.signTypedData(domainOf(chainId), VOUCHER_TYPES, given);
  const valid = await signed(session, message);
  const { r, s, v, compactSerialized } = Signature.from(valid);
  const otherHalf = `${r}${toBeHex(ORDER - BigInt(s), 32).slice(2)}${(v === 27 ? 28 : 27).toString(16)}`;
  const made = [
    ['valid', message, valid, true],
    ['another chain', message, await signed(session, message, '1'), false],
    ['another amount', { ...message, maxClaimableAmount: '12346' }, valid, false],
    ['another channel', { ...message, channelId: `0x${'00'.repeat(32)}` as const }, valid, false],
    ['another signer', message, await signed(payer, message), false],
    ['v of 0 or 1', message, `${valid.slice(0, -2)}0${v - 27}`, false],
    ['the upper s', message, otherHalf, false],
    ['the short form of EIP-2098', message, compactSerialized, false],
    ['zeros', message, `0x${'00'.repeat(65)}`, false],
  ] as const;
  return made.map(([name, given, signature, isValid]) => ({
    name,
    chainId: CHAIN_ID,
    ...given,
    signer: session.address,
    digest: TypedDataEncoder.hash(domainOf(CHAIN_ID), VOUCHER_TYPES, given),
    signature,
    valid: isValid,
  }));
}

function deposits() {
  const given = {
    from: payer.address,
    token: TOKEN,
    tokenName: 'USD Coin',
    tokenVersion: '2',
    amount: '20000',
    validBefore: '1800000600',
    salt: `0x${'07'.repeat(32)}`,
    channelId: CHANNEL,
  };
  const nonce = keccak256(
    AbiCoder.defaultAbiCoder().encode(['bytes32', 'uint256'], [CHANNEL, BigInt(given.salt)]),
  );
  const field = (name: string, type: string) => ({ name, type });
  const digest = TypedDataEncoder.hash(
    { name: given.tokenName, version: given.tokenVersion, chainId: CHAIN_ID, verifyingContract: TOKEN },
    {
      ReceiveWithAuthorization: [
        field('from', 'address'),
        field('to', 'address'),
        ...['value', 'validAfter', 'validBefore'].map((name) => field(name, 'uint256')),
        field('nonce', 'bytes32'),
      ],
    },
    {
      ...{ from: given.from, to: COLLECTOR, value: given.amount, validAfter: 0 },
      ...{ validBefore: given.validBefore, nonce },
    },
  );
  return [{ chainId: CHAIN_ID, ...given, nonce, digest }];
}

const REQUIREMENT = {
  scheme: 'batch-settlement',
  network: NETWORK,
  asset: TOKEN,
  amount: '500',
  payTo: payout.address,
  maxTimeoutSeconds: 600,
  extra: {
    name: 'USD Coin',
    version: '2',
    receiverAuthorizer: CONFIG.receiverAuthorizer,
    withdrawDelay: 86_400,
  },
} as const;

async function payments() {
  const [voucher] = await vouchers();
  const { channelId, maxClaimableAmount, signature } = voucher ?? {};
  const payload = {
    type: 'voucher',
    channelConfig: CONFIG,
    voucher: { channelId, maxClaimableAmount, signature },
  };
  const payment = { x402Version: 2, accepted: REQUIREMENT, payload };
  const encode = (given: unknown) => encodePaymentSignatureHeader(given as never);
  const made = [
    ['voucher', encode(payment), 'voucher'],
    ['refund', encode({ ...payment, payload: { ...payload, type: 'refund' } }), 'refund'],
    ['version 1', encode({ ...payment, x402Version: 1 }), 'malformed'],
    ['an unknown type', encode({ ...payment, payload: { ...payload, type: 'gift' } }), 'malformed'],
    [
      'an amount above 128 bits',
      encode({ ...payment, accepted: { ...REQUIREMENT, amount: (2n ** 128n).toString() } }),
      'malformed',
    ],
    ['a negative amount', encode({ ...payment, accepted: { ...REQUIREMENT, amount: '-1' } }), 'malformed'],
    ['not base64', '{}', 'malformed'],
    ['nested 65 levels', Buffer.from('['.repeat(65) + ']'.repeat(65)).toString('base64'), 'malformed'],
    ['longer than the limit', encode({ ...payment, padding: 'x'.repeat(8_192) }), 'malformed'],
  ] as const;
  return made.map(([name, header, verdict]) => ({ name, header, verdict }));
}

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

function tokenHash(tokens: readonly number[]): string {
  const bytes = Buffer.alloc(tokens.length * 4);
  for (const [index, token] of tokens.entries()) bytes.writeUInt32LE(token, index * 4);
  return sha256(bytes);
}

const TOKENS = [1, 256, 65_536, 4_294_967_295, 7];

/** Signed results of checks; `stranger` has checked answers of `provider`. */
async function verdicts() {
  const auditor = stranger.peer;
  const verdict = {
    ...{ auditor, provider: provider.peer, sha256: MODEL.sha256 },
    ...{ answers: 3, tokens: 240, hasPassed: true, atMs: NOW_MS },
  };
  const made = [
    ['passed', verdict, true],
    ['failed', { ...verdict, answers: 1, tokens: 31, hasPassed: false }, true],
    ['from a clock that is 9 min ahead', { ...verdict, atMs: NOW_MS + 540_000 }, true],
    ['with a field of a later version', { ...verdict, more: 1 }, true],
    ['another signer’s', { ...verdict, auditor: provider.peer }, false],
    ['on the signer itself', { ...verdict, provider: auditor }, false],
    ['from the future', { ...verdict, atMs: NOW_MS + 660_000 }, false],
    ['without tokens', { ...verdict, tokens: 0 }, false],
    ['not of a file', { ...verdict, sha256: 'tiny' }, false],
    ['not of a peer', { ...verdict, provider: 'provider' }, false],
  ] as const;
  const read = { auditor, atMs: NOW_MS };
  const signed = made.map(async ([name, payload, valid]) => ({
    ...{ name, ...read, jws: await stranger.sign(payload), valid },
  }));
  const forged = { name: 'forged', ...read, jws: await provider.sign(verdict), valid: false };
  return [...(await Promise.all(signed)), forged];
}

async function receipts() {
  const terms = {
    peer: provider.peer,
    modelSha256: MODEL.sha256,
    price: PRICE,
    assetId: ASSET.id,
    channelId: CHANNEL,
    ceiling: '100',
    tokens: TOKENS,
    asked: { temperature: 1, topP: 1, seed: null },
    charged: '2',
  };
  // 20,000 × 30 + 5,000 × 20 + 80,000 × 5 = 1,100,000 millionths: 2 base units.
  const receipt = {
    job: '0b9c2f0e-5f39-4c3d-9a51-1f0d3b6c7a88',
    peer: provider.peer,
    modelSha256: MODEL.sha256,
    inputTokens: 50,
    cachedTokens: 20,
    outputTokens: TOKENS.length,
    price: PRICE,
    assetId: ASSET.id,
    channelId: CHANNEL,
    charged: '2',
    cumulative: '14',
    tokenHash: tokenHash(TOKENS),
    finishReason: 'stop',
    atMs: NOW_MS,
  };
  const sampling = {
    ...{ method: 'gumbel-max', seed: 7, temperature: 1, topP: 1, topK: 40, minP: 0 },
    promptHash: tokenHash([1, 2, 3]),
  };
  const less = { outputTokens: 3, tokenHash: tokenHash(TOKENS.slice(0, 3)) };
  const made = [
    ['valid', receipt, 'valid', {}],
    ['fewer tokens than arrived', { ...receipt, ...less, charged: '1' }, 'valid', { charged: '1' }],
    ['another peer’s name', { ...receipt, peer: stranger.peer }, 'another-peer', {}],
    ['another model', { ...receipt, modelSha256: 'b'.repeat(64) }, 'another-model', {}],
    ['another network', { ...receipt, assetId: ASSET.id.replace(CHAIN_ID, '1') }, 'another-asset', {}],
    ['another channel', { ...receipt, channelId: `0x${'00'.repeat(32)}` }, 'another-channel', {}],
    ['more cached than read', { ...receipt, cachedTokens: 51 }, 'cached-tokens', {}],
    ['more tokens than arrived', { ...receipt, outputTokens: 6 }, 'output-tokens', {}],
    ['other tokens', { ...receipt, tokenHash: tokenHash([...TOKENS].reverse()) }, 'token-hash', {}],
    ['sampling as asked', { ...receipt, sampling }, 'valid', {}],
    ['another temperature', { ...receipt, sampling: { ...sampling, temperature: 0.5 } }, 'sampling', {}],
    ['a charge above the price', { ...receipt, charged: '3' }, 'charge', { charged: '3' }],
    ['a negative charge', { ...receipt, charged: '-1' }, 'charge', { charged: '-1' }],
    ['a charge above the ceiling', receipt, 'ceiling', { ceiling: '1' }],
    ['another charge than the payment response', receipt, 'payment-response', { charged: '1' }],
  ] as const;
  const forged = await stranger.sign(receipt, { kid: provider.peer });
  return [
    ...(await Promise.all(
      made.map(async ([name, given, verdict, known]) => ({
        ...{ name, jws: await provider.sign(given), verdict, terms: { ...terms, ...known } },
      })),
    )),
    { name: 'forged', jws: forged, verdict: 'signature', terms },
  ];
}

function charges() {
  const cached = { ...PRICE, cachedInputPerMillion: '30000' };
  const { cachedInputPerMillion: _cached, ...plain } = PRICE;
  return [
    { price: PRICE, input: 50, cached: 20, output: 5, charge: '2' },
    { price: PRICE, input: 0, cached: 0, output: 0, charge: '0' },
    { price: PRICE, input: 1, cached: 0, output: 0, charge: '1' },
    { price: plain, input: 1_000_000, cached: 1_000_000, output: 0, charge: '20000' },
    { price: cached, input: 1_000_000, cached: 1_000_000, output: 0, charge: '20000' },
    { price: PRICE, input: 50, cached: 50, output: 12_500_000, charge: '1000001' },
  ];
}

const marketKey = (name: string, digest: string) => ({
  name,
  sha256: digest,
  cid: CID.createV1(raw.code, createDigest(0x12, Buffer.from(digest, 'hex'))).toString(),
});

/** Each comes alone, from a peer that sent nothing before. */
function hints() {
  const at = (ofMs: number) => JSON.stringify({ atMs: NOW_MS + ofMs });
  const made: readonly (readonly [name: string, data: string, verdict: string])[] = [
    ['now', at(0), 'accept'],
    ['two minutes ago', at(-120_000), 'accept'],
    ['in two minutes', at(120_000), 'accept'],
    ['a field of a later version', JSON.stringify({ atMs: NOW_MS, later: true }), 'accept'],
    ['older', at(-120_001), 'ignore'],
    ['too early', at(120_001), 'ignore'],
    ['no time', '{}', 'reject'],
    ['the time as text', JSON.stringify({ atMs: String(NOW_MS) }), 'reject'],
    ['no JSON', 'now', 'reject'],
    ['257 bytes', `${at(0)}${' '.repeat(257 - at(0).length)}`, 'reject'],
  ];
  return made.map(([name, data, verdict]) => ({ name, data, atMs: NOW_MS, verdict }));
}

function streams() {
  const of = (data: string, event: string | null = null) => ({ event, data });
  return [
    {
      name: 'an answer',
      text:
        'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"token_ids":[1]}]}\n\n: still here\n\n' +
        `data: [DONE]\n\nevent: ${RECEIPT_EVENT}\ndata: e30.e30.AA\n\nevent: ${PAYMENT_RESPONSE_EVENT}\ndata: e30=\n\n`,
      events: [
        of('{"choices":[{"index":0,"delta":{"content":"Hi"},"token_ids":[1]}]}'),
        of('[DONE]'),
        of('e30.e30.AA', RECEIPT_EVENT),
        of('e30=', PAYMENT_RESPONSE_EVENT),
      ],
    },
    { name: 'CRLF', text: 'data: 1\r\n\r\ndata:2\r\n\r\n', events: [of('1'), of('2')] },
    { name: 'several lines', text: 'data: a\ndata:  b\ndata\n\n', events: [of('a\n b\n')] },
    {
      name: 'other fields and an event without data',
      text: 'id: 7\nretry: 1\nevent: x\n\ndata: y\n\n',
      events: [of('y')],
    },
    { name: 'the end in the middle of an event', text: 'data: whole\n\ndata: half\n', events: [of('whole')] },
    { name: 'characters of several bytes', text: 'data: €😀\n\n', events: [of('€😀')] },
    { name: 'nothing', text: '', events: [] },
  ];
}

const vectors = {
  about:
    'Test vectors of docs/protocol.md. Made by scripts/generators/make-protocol-vectors.ts with the libraries of the standards; test/unit/protocol checks Idlewatt against them, test/clients/go/buyer a second implementation.',
  network: NETWORK,
  assetId: ASSET.id,
  peers: [provider, stranger].map(({ peer, publicKey }) => ({ peer, publicKey })),
  marketKeys: [
    marketKey('every provider', sha256(MARKET_NAME)),
    marketKey('a model file', MODEL.sha256),
    marketKey('the public DHT', sha256(RENDEZVOUS_NAME)),
  ],
  hints: hints(),
  offers: await offers(),
  channels: [{ chainId: CHAIN_ID, config: CONFIG, id: CHANNEL.toLowerCase() }],
  vouchers: await vouchers(),
  deposits: deposits(),
  payments: await payments(),
  charges: charges(),
  tokenHashes: [[], TOKENS].map((tokens) => ({ tokens, sha256: tokenHash(tokens) })),
  receipts: await receipts(),
  verdicts: await verdicts(),
  streams: streams(),
};
writeFileSync(VECTORS, `${JSON.stringify(vectors, null, 2)}\n`);
