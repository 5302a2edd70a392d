/**
 * Verifies: a payment of a sale demands something of the chain only if nothing else can decide about it.
 * Setup: the storefront's gate with the channels' real one, payments that this test signs, and no chain: collections and
 *   permits are counted and answered here.
 * Fails if: a payment that is refused without the chain, or that a balance covers, counts as a demand; one that the chain has
 *   to decide about doesn't; or a request that costs nothing takes a payment.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePaymentRequiredHeader } from '@x402/core/http';
import { practiceNetwork } from '../../../main/adapters/anvil/practice-network.ts';
import { createAccount } from '../../../main/adapters/ethers/index.ts';
import { recoverSigner } from '../../../main/adapters/secp256k1/index.ts';
import { createUptoCredit } from '../../../main/adapters/x402/index.ts';
import { openProviderChannels } from '../../../main/adapters/x402/selling/provider-channels.ts';
import { createSaleGate } from '../../../main/adapters/x402/selling/sale-gate.ts';
import type { CustomerAccounts } from '../../../main/ports/customers.ts';
import type { ChainSender } from '../../../main/ports/evm.ts';
import { payerCustomerId } from '../../../shared/customers.ts';
import { amount, ZERO } from '../../../shared/money.ts';
import { CHAT_PATH, PAYMENT_HEADER, PAYMENT_REQUIRED_HEADER } from '../../../shared/wire.ts';
import { exactly } from '../../contract/storefront-exact.ts';
import { permitted } from '../../contract/storefront-permits.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const CEILING = amount(500n);
const network = practiceNetwork('http://127.0.0.1:1');
const account = (digit: string) => createAccount(`0x${digit.repeat(64)}`);
const [payout, authorizer, gas, funds] = ['1', '2', '3', '4'].map(account);

async function open() {
  if (!payout || !authorizer || !gas || !funds) throw new Error('four accounts');
  const clock = manualClock(Date.now());
  const store = createMemoryRecordStore();
  const channels = await openProviderChannels({
    ...{ network, store, authorizer, recoverSigner, payout: payout.address },
    sender: { address: gas.address } as ChainSender,
    ...{ withdrawDelaySeconds: 86_400, depositMin: amount(100n) },
  });
  const balances = new Map<string, bigint>();
  const customers: CustomerAccounts = {
    available: (id) => amount(balances.get(id) ?? 0n),
    arrived: () => undefined,
    paidLate: () => assert.fail('nothing arrives late'),
    payFor: () => assert.fail('nothing is settled'),
    charged: () => ZERO,
    hold: (id, most) =>
      (balances.get(id) ?? 0n) < most
        ? null
        : { charge: (charged) => ({ charged, cumulative: charged }), release: () => undefined },
  };
  const asked = { collections: 0, permits: 0 };
  const gate = createSaleGate({
    ...{ channels, customers, clock, recoverSigner },
    credit: createUptoCredit(clock, network.token.decimals),
    collection: {
      async collect() {
        asked.collections += 1;
        return { kind: 'refused' };
      },
      findLate: async () => undefined,
    },
    settlement: {
      async isPayable() {
        asked.permits += 1;
        return 'yes';
      },
      settle: () => assert.fail('nothing is settled'),
      findLate: async () => undefined,
    },
    listing: (path) => ({
      ...{ url: `https://shop.example${path}`, description: 'Answers', mimeType: 'application/json' },
      ...{ serviceName: 'Shop', tags: [], extensions: {} },
    }),
  });
  const request = (headers: Record<string, string> = {}, ceiling = CEILING) => ({
    ...{ method: 'POST', path: CHAT_PATH, ceiling, description: 'Tokens' },
    header: (name: string) => headers[name],
  });
  const admit = (headers?: Record<string, string>, ceiling?: typeof CEILING) =>
    gate.admit(request(headers, ceiling));
  const unpaid = await admit();
  assert.equal(unpaid.kind, 'answered');
  const { accepts } = decodePaymentRequiredHeader(
    (unpaid.kind === 'answered' && unpaid.headers[PAYMENT_REQUIRED_HEADER]) || '',
  );
  const requirement = (scheme: string) =>
    accepts.find((each) => each.scheme === scheme) ?? assert.fail(`${scheme} is offered`);
  const buyer = { funds, session: funds, gas: funds };
  return {
    ...{ gate, asked, balances, buyer, request, admit },
    exact: (bent = {}) => exactly(buyer, requirement('exact'), bent),
    upto: (bent = {}) => permitted(buyer, requirement('upto'), bent),
  };
}

const reasonOf = async (admitting: ReturnType<Awaited<ReturnType<typeof open>>['admit']>) => {
  const admission = await admitting;
  return admission.kind === 'answered' ? [admission.status, admission.reason] : admission.kind;
};

test('the chain is asked about sound payments of payers without a balance, and about no others', async () => {
  const { gate, asked, balances, buyer, request, admit, exact, upto } = await open();
  const nonsense = Buffer.from(JSON.stringify({ x402Version: 2, accepted: { scheme: 'exact' } }));
  const others = [
    [{ [PAYMENT_HEADER]: nonsense.toString('base64') }, 'payment-malformed'],
    [await exact({ authorization: { validBefore: '1' } }), 'payment-expired'],
    [await exact({ afterwards: { nonce: `0x${'7'.repeat(64)}` } }), 'bad-signature'],
    [await exact({ accepted: { amount: '499' } }), 'payment-too-small'],
    [await upto({ afterwards: { nonce: '77' } }), 'bad-signature'],
  ] as const;
  for (const [headers, reason] of others) {
    assert.equal(gate.chainWork(request(headers)), null, reason);
    assert.deepEqual(await reasonOf(admit(headers)), [402, reason]);
  }
  assert.deepEqual(asked, { collections: 0, permits: 0 });
  for (const headers of [await exact(), await upto()]) {
    assert.deepEqual(gate.chainWork(request(headers)), { kind: 'check', isPaidFor: false });
  }
  balances.set(payerCustomerId(buyer.funds.address), CEILING);
  for (const headers of [await exact(), await upto()]) {
    assert.equal(gate.chainWork(request(headers)), null, 'the balance pays');
    assert.equal(await reasonOf(admit(headers)), 'admitted');
  }
  assert.deepEqual(asked, { collections: 0, permits: 0 });
  balances.set(payerCustomerId(buyer.funds.address), CEILING - 1n);
  const short = await exact();
  assert.notEqual(gate.chainWork(request(short)), null);
  assert.deepEqual(await reasonOf(admit(short)), [402, 'payment-refused']);
  assert.deepEqual(asked, { collections: 1, permits: 0 });
});

test('a request that costs nothing takes no payment, which pays for another one', async () => {
  const { gate, asked, request, admit, exact, upto } = await open();
  for (const headers of [await exact(), await upto()]) {
    assert.equal(gate.chainWork(request(headers, ZERO)), null);
    assert.deepEqual(await reasonOf(admit(headers, ZERO)), [402, 'nothing-to-pay']);
    assert.deepEqual(asked, { collections: 0, permits: 0 });
  }
  assert.equal(await reasonOf(admit(await upto())), 'admitted');
  const later = await upto();
  assert.deepEqual(await reasonOf(admit(later, ZERO)), [402, 'nothing-to-pay']);
  assert.equal(await reasonOf(admit(later)), 'admitted');
  assert.equal(asked.permits, 2);
});

test('two EIP-2612 permits of one payer aren’t on their way together: the second can be sent again', async () => {
  const { balances, buyer, asked, admit, upto } = await open();
  const gasless = { amount: '500', deadline: String(2n ** 64n), signature: `0x${'5'.repeat(130)}` };
  const first = await admit(await upto({ gasless }));
  const second = await upto({ gasless });
  await assert.rejects(admit(second), { code: 'busy', details: { retryAfterS: 2 } });
  assert.equal(asked.permits, 1);
  assert.equal(await reasonOf(admit(await upto())), 'admitted', 'a payer that has approved Permit2');
  const customerId = payerCustomerId(buyer.funds.address);
  balances.set(customerId, CEILING);
  assert.equal(await reasonOf(admit(await upto({ gasless }))), 'admitted', 'the balance pays');
  balances.delete(customerId);
  await assert.rejects(admit(second), { code: 'busy' });
  if (first.kind === 'admitted') await first.payment.cancel();
  await assert.rejects(admit(second), { code: 'busy' }, 'the approved one isn’t paid yet');
});

test('a permit that was refused meanwhile is taken once the first one is paid', async () => {
  const { admit, upto } = await open();
  const gasless = { amount: '500', deadline: String(2n ** 64n), signature: `0x${'5'.repeat(130)}` };
  const first = await admit(await upto({ gasless }));
  const second = await upto({ gasless });
  await assert.rejects(admit(second), { code: 'busy' });
  assert.equal(first.kind, 'admitted');
  if (first.kind === 'admitted') await first.payment.cancel();
  assert.equal(await reasonOf(admit(second)), 'admitted');
});
