/** Fuzzing of what is signed: offers, receipts, and payments with what a buyer reads of them. */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { Wallet } from 'ethers';
import fc from 'fast-check';
import { createAccount } from '../../main/adapters/ethers/index.ts';
import { createPeerKey, verifySigned } from '../../main/adapters/libp2p/index.ts';
import { recoverSigner } from '../../main/adapters/secp256k1/index.ts';
import {
  checkRequirements,
  decodeRequired,
  parseSettled,
  refusalCode,
} from '../../main/adapters/x402/buying/provider-responses.ts';
import { paymentStanding, type StandingParts } from '../../main/adapters/x402/selling/payment-standing.ts';
import { createVoucherHashes } from '../../main/adapters/x402/selling/voucher-signature.ts';
import { parsePayment } from '../../main/adapters/x402/wire.ts';
import { refusal } from '../../main/core/gateway/provider-errors.ts';
import { checkReceipt, hashTokens } from '../../main/core/gateway/receipt-check.ts';
import { createBindings, isPayable, readOffer } from '../../main/core/identity/index.ts';
import type { ChainNetwork } from '../../main/ports/chain.ts';
import type { PaymentLease } from '../../main/ports/payments.ts';
import { amount, ZERO } from '../../shared/money.ts';
import { toOpenAiError } from '../../shared/openai-errors.ts';
import { PAYMENT_HEADER } from '../../shared/wire.ts';
import { manualClock } from '../../test/fakes/clock.ts';
import { offerChecks } from '../../test/fakes/identity.ts';
import { OFFERED } from '../../test/fakes/market.ts';
import { oddJson, oddJsonText, oddText } from './inputs.ts';
import { refusing, refusingLater, type Target, target } from './target.ts';

const NOW_MS = 1_800_000_000_000;
const NETWORK = 'eip155:31337';
const TOKEN = `0x${'5f'.repeat(20)}`;
const key = await createPeerKey(
  (await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(9))) as Ed25519PrivateKey,
);
const wallet = new Wallet(`0x${'22'.repeat(32)}`);

const OFFER = {
  ...{ peer: key.peer, payout: wallet.address, binding: null, networks: [NETWORK], slots: 4 },
  asset: { id: `${NETWORK}/${TOKEN}`, symbol: 'USDC', decimals: 6, practice: true },
  models: [OFFERED],
  ...{ issuedAtMs: NOW_MS, expiresAtMs: NOW_MS + 600_000 },
};
const BINDING = await createBindings({
  key,
  clock: manualClock(NOW_MS),
  payout: createAccount(wallet.privateKey),
  network: NETWORK,
}).current();
const PROVEN = { ...OFFER, binding: BINDING };
const checks = offerChecks(manualClock(NOW_MS));

async function readAny(jws: string): Promise<void> {
  const offer = await refusingLater(['bad-request'], () => readOffer(jws, key.peer, checks));
  if (offer !== null) isPayable(offer, { network: NETWORK, assetId: OFFER.asset.id });
}

const offers = target({ name: 'offers', share: 2 }, oddJson([OFFER, PROVEN]), async (offer) =>
  // As a provider may: anything, validly signed.
  readAny(await key.sign(offer as object)),
);
const forgedOffers = target({ name: 'forged offers', share: 4 }, oddText([await key.sign(OFFER)]), readAny);

const TOKENS = [1, 2, 3];
const ASKED = { temperature: 1, topP: 1, seed: 7 };
const RECEIPT = {
  ...{ job: 'j', peer: key.peer, modelSha256: OFFERED.sha256, inputTokens: 9, cachedTokens: 2 },
  ...{ outputTokens: 3, price: OFFERED.price, assetId: OFFER.asset.id, channelId: '0xc', charged: '1' },
  ...{ cumulative: '5', tokenHash: hashTokens(TOKENS), finishReason: 'stop', atMs: NOW_MS },
  sampling: { ...ASKED, method: 'gumbel-max', topK: 40, minP: 0, promptHash: 'a'.repeat(64) },
};
const EXPECTED = {
  ...{ peer: key.peer, model: OFFERED, assetId: OFFER.asset.id, channelId: '0xc', ceiling: amount(100) },
  ...{ inputTokensMax: 100, outputTokensMax: 100, tokens: TOKENS, charged: amount(1) },
  asked: { ...ASKED, sampling: {} },
};

const receipts = target({ name: 'receipts', share: 2 }, oddJson([RECEIPT]), async (given) => {
  const jws = await key.sign(given as object);
  const receipt = await refusingLater(['receipt-refused'], () => checkReceipt(jws, EXPECTED, verifySigned));
  if (receipt !== null && BigInt(receipt.charged) !== 1n) throw new Error('another charge was accepted');
});
const forgedReceipts = target(
  { name: 'forged receipts', share: 4 },
  oddText([await key.sign(RECEIPT)]),
  async (jws) => {
    await refusingLater(['receipt-refused'], () => checkReceipt(jws, EXPECTED, verifySigned));
  },
);

const hashes = createVoucherHashes(31_337);
const CONFIG = {
  ...{ payer: wallet.address, payerAuthorizer: wallet.address, receiver: wallet.address, token: TOKEN },
  ...{ receiverAuthorizer: wallet.address, withdrawDelay: 3_600, salt: `0x${'42'.repeat(32)}` },
};
const CHANNEL = hashes.channelId(CONFIG);
const VOUCHER = {
  ...{ channelId: CHANNEL, maxClaimableAmount: '500' },
  signature: wallet.signingKey.sign(hashes.digest({ channelId: CHANNEL, maxClaimableAmount: '500' }))
    .serialized,
};
const REQUIREMENT = {
  ...{ scheme: 'batch-settlement', network: NETWORK, asset: TOKEN, amount: '500', payTo: wallet.address },
  maxTimeoutSeconds: 600,
  extra: { name: 'USDC', version: '2', receiverAuthorizer: wallet.address, withdrawDelay: 3_600 },
};
const PAYMENT = {
  ...{ x402Version: 2, accepted: REQUIREMENT },
  payload: { type: 'voucher', channelConfig: CONFIG, voucher: VOUCHER },
};
const DEPOSIT = {
  ...PAYMENT,
  payload: {
    ...{ ...PAYMENT.payload, type: 'deposit' },
    deposit: {
      amount: '2000',
      authorization: {
        erc3009Authorization: {
          validAfter: '0',
          validBefore: '9',
          salt: '0x1',
          signature: VOUCHER.signature,
        },
      },
    },
  },
};
const REFUND = { ...PAYMENT, payload: { ...PAYMENT.payload, type: 'refund', amount: '1' } };
const base64 = (text: string) => Buffer.from(text).toString('base64');
const inHeader = (samples: readonly unknown[]) =>
  fc.oneof(
    { weight: 4, arbitrary: oddJsonText(samples).map(base64) },
    { weight: 1, arbitrary: oddText(samples.map((sample) => base64(JSON.stringify(sample)))) },
  );

const provider: StandingParts = {
  options: { network: { id: NETWORK }, recoverSigner },
  hashes,
  readPayment: parsePayment,
  channels: {
    find: (id: string) =>
      id.toLowerCase() === CHANNEL
        ? { channelId: CHANNEL, balance: '1000', chargedCumulativeAmount: '10' }
        : null,
  },
};

const payments = target({ name: 'payments', share: 6 }, inHeader([PAYMENT, DEPOSIT, REFUND]), (header) => {
  paymentStanding(provider, { header: (name) => (name === PAYMENT_HEADER ? header : undefined) });
});

const chain = {
  id: NETWORK,
  token: { address: TOKEN, eip712: { name: 'USDC', version: '2' } },
} as unknown as ChainNetwork;
const REQUIRED = { x402Version: 2, error: 'x', resource: { url: '/' }, accepts: [REQUIREMENT] };
const SETTLED = {
  ...{ success: true, transaction: '', network: NETWORK },
  extra: { chargedAmount: '5', channelState: { chargedCumulativeAmount: '12' } },
};

const requirements = target({ name: 'payment requirements', share: 6 }, inHeader([REQUIRED]), (header) => {
  const required = decodeRequired(header);
  if (required !== null) refusing(['unsupported'], () => checkRequirements(required, chain));
});
const settlements = target({ name: 'payment responses', share: 6 }, inHeader([SETTLED]), (header) => {
  refusing(['bad-request'], () => parseSettled(header));
});

const lease = {
  refused: async () => ({ charged: ZERO, isExplained: true }),
} as unknown as PaymentLease;
const REFUSAL = { error: { message: 'No.', type: 't', param: 'model', code: 'paused_owner_active' } };
const refusals = target(
  { name: 'refusals', share: 3 },
  fc.record({
    body: oddJsonText([REFUSAL]),
    status: fc.constantFrom(400, 402, 404, 413, 429, 500, 503, 599),
    retryAfter: oddText(['60']).map((text) => text.replaceAll(/[^\x21-\x7e]/g, '')),
  }),
  async ({ body, status, retryAfter }) => {
    refusalCode(body);
    const failure = await refusal(
      new Response(body, { status, headers: { 'retry-after': retryAfter } }),
      lease,
      key.peer,
    );
    if (failure.message.length > 400) throw new Error('a message of any length');
    // The gateway passes it on to its client.
    const { status: passedOn } = toOpenAiError(failure, null);
    if (!Number.isInteger(passedOn) || passedOn < 400 || passedOn > 599) throw new Error('no status');
  },
);

export const PROOF_TARGETS: readonly Target[] = [
  offers,
  forgedOffers,
  receipts,
  forgedReceipts,
  payments,
  requirements,
  settlements,
  refusals,
];
