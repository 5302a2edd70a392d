/**
 * Gives customers back what they paid and no job has used. The order takes the amount from the balance first, and the wallet
 * stores its transaction before it sends it: whenever the agent stops, the customer has either the balance or the payout.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { WalletTransaction } from '../../../shared/api/wallet.ts';
import { payerOf } from '../../../shared/customers.ts';
import { AppError } from '../../../shared/errors.ts';
import { createInOrder } from '../../../shared/in-order.ts';
import { parseJson } from '../../../shared/json.ts';
import type { Amount } from '../../../shared/money.ts';
import type { CustomerAccounts } from '../../ports/customers.ts';
import type { Log } from '../../ports/log.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Ledger } from '../ledger/index.ts';
import type { CustomerPayments } from '../wallet/index.ts';

const COLLECTION = 'storefront-payout';
const RETURNED = 'The payout to a customer was not sent';

const orderSchema = z.object({ customerId: z.string(), assetId: z.string() });

export interface CustomerPayoutsParts {
  readonly accounts: Pick<CustomerAccounts, 'available'>;
  readonly ledger: Pick<Ledger, 'customerPayoutOrdered' | 'customerPayoutReturned' | 'customerPaidBack'>;
  readonly records: RecordStore;
  readonly wallet: CustomerPayments;
  /** The owner's name for a customer; null for one without. */
  readonly nameOf: (customerId: string) => string | null;
  readonly assetId: string;
  /** Writes the address of a payment with its checksum. */
  readonly withChecksum: (address: string) => string;
  readonly log: Pick<Log, 'info' | 'error'>;
}

export interface CustomerPayouts {
  /**
   * Pays out what a customer hasn't used, to this address or to the one that paid. Amounts that requests in progress hold
   * stay. Fails with `bad-request` where nothing is left or an address is needed, and like a transfer of the wallet: before
   * the quote nothing has changed, afterwards the amount is the customer's balance again unless its transaction may still
   * be mined.
   */
  payOut(customerId: string, to: string | null): Promise<WalletTransaction>;
  /** Records that the owner paid this part of the balance back outside of the wallet. Fails with `bad-request`. */
  paidBack(customerId: string, amount: Amount): void;
  /**
   * Ends the orders of an earlier run and those whose transaction failed: unpaid ones are the balance again. An order that
   * fails, also because the chain is unavailable, doesn't keep the others from it; then it fails with the first failure.
   */
  settle(): Promise<void>;
}

/** Made once for the life of a program: an order in progress must not be settled. */
export function createCustomerPayouts(parts: CustomerPayoutsParts): CustomerPayouts {
  const { accounts, ledger, records, wallet, assetId, log } = parts;
  const inProgress = new Set<string>();
  const inOrder = createInOrder();

  function leftOf(customerId: string): Amount {
    const left = accounts.available(customerId);
    if (left > 0n) return left;
    throw new AppError(
      'bad-request',
      'This customer has no balance to pay out. What requests in progress hold is free once they end.',
    );
  }

  function assertLeft(customerId: string, amount: Amount): void {
    if (amount > 0n && amount <= leftOf(customerId)) return;
    throw new AppError(
      'bad-request',
      'The amount must be above zero and no more than the customer’s unused balance. Nothing was recorded.',
    );
  }

  function order(reference: string, customerId: string, amount: Amount): void {
    // First, so that an order in the ledger is always found again.
    records.set(COLLECTION, reference, JSON.stringify({ customerId, assetId }));
    ledger.customerPayoutOrdered({ reference, customerId, assetId, amount });
    log.info('A payout to a customer was ordered', { customerId, amount: amount.toString(), reference });
  }

  const settleAll = createSettling(parts, (reference) => inProgress.has(reference));
  const settle = () => inOrder(settleAll);

  return {
    async payOut(customerId, to) {
      const payer = payerOf(customerId);
      const address = to ?? (payer === null ? null : parts.withChecksum(payer));
      if (address === null) {
        throw new AppError('bad-request', 'Name the address that this customer is paid at, with --to.');
      }
      const amount = leftOf(customerId);
      const quote = await wallet.quoteCustomer({ to: address, amount });
      // Requests may have used it, or another payout taken it, while the chain was asked.
      assertLeft(customerId, amount);
      const reference = randomBytes(8).toString('hex');
      inProgress.add(reference);
      try {
        order(reference, customerId, amount);
        return await quote.pay({ reference, customerId, name: parts.nameOf(customerId) });
      } finally {
        inProgress.delete(reference);
        // The payout's own result matters more than a chain that can't be asked now: it is settled later.
        await settle().catch((error: unknown) => {
          log.error('A payout to a customer could not be settled yet', error, { reference });
        });
      }
    },
    paidBack(customerId, amount) {
      if (payerOf(customerId) !== null) {
        throw new AppError(
          'bad-request',
          'This balance was paid on the chain. Pay it out with --to or to its payer.',
        );
      }
      assertLeft(customerId, amount);
      const reference = randomBytes(8).toString('hex');
      ledger.customerPaidBack({ reference, customerId, assetId, amount });
      log.info('A balance was paid back outside of the wallet', { customerId, amount: amount.toString() });
    },
    settle,
  };
}

/** Returns the function that ends all orders but those in progress. */
function createSettling(parts: CustomerPayoutsParts, isInProgress: (reference: string) => boolean) {
  const { ledger, records, wallet, assetId, log } = parts;

  async function settleOne(reference: string, value: string): Promise<void> {
    const parsed = orderSchema.safeParse(parseJson(value));
    // A home may have been used on another network, whose transactions aren't known here.
    if (!parsed.success || parsed.data.assetId !== assetId) return;
    const standing = await wallet.payoutStanding(reference);
    if (standing === 'open') return;
    if (standing === 'unpaid') {
      ledger.customerPayoutReturned(reference, RETURNED);
      log.info('A payout was not sent, and the amount is its customer’s balance again', { reference });
    }
    records.delete(COLLECTION, reference);
  }

  async function settleAll(): Promise<void> {
    const open = () => records.list(COLLECTION).filter(({ key }) => !isInProgress(key));
    if (open().length === 0) return;
    const failures: unknown[] = [];
    const failed = (error: unknown) => void failures.push(error);
    // Without the chain, an order that has no transaction is still known to be unpaid.
    await wallet.check().catch(failed);
    for (const { key, value } of open()) await settleOne(key, value).catch(failed);
    if (failures.length > 0) throw failures[0];
  }

  return settleAll;
}
