/** Routes for the owner of a storefront. */
import { checkShape } from '../../../shared/check-shape.ts';
import { payerCustomerId } from '../../../shared/customers.ts';
import { AppError } from '../../../shared/errors.ts';
import { amount, formatUnits } from '../../../shared/money.ts';
import { blockedSchema, type CustomerKeys } from '../../core/storefront/index.ts';
import type { ApiImplementer, forShellOnly } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

const PAYER_ADDRESS = /^0x[0-9a-fA-F]{40}$/;

export function storefrontRoutes(
  api: ApiImplementer['storefront'],
  parts: Pick<ApiParts, 'storefront' | 'shell'>,
) {
  const open = () => opened(parts);
  return {
    customers: api.customers.handler(() => open().listCustomers()),
    addCustomer: api.addCustomer.handler(({ input }) => open().customers.add(input.name)),
    credit: api.credit.handler(async ({ input }) => {
      const { customers, asset } = open();
      const { id, amount: sum } = input;
      await parts.shell.confirm(
        { about: 'credit', customer: customers.nameOf(customers.account(id)) || id, asset, amount: sum },
        `customers credit ${id} ${formatUnits(BigInt(sum), asset.decimals)}`,
      );
      return { customer: open().customers.credit(id, amount(sum)) };
    }),
    revokeCustomer: api.revokeCustomer.handler(({ input }) => {
      open().customers.revoke(input.id);
      return {};
    }),
    payOut: api.payOut.handler(({ input }) => {
      const { customers, payouts } = open();
      return payouts.payOut(customerIdOf(customers, input.who), input.to);
    }),
    blocked: api.blocked.handler(() => ({ blocked: [...open().blocks.list()] })),
    block: api.block.handler(({ input }) => {
      open().blocks.add(readWho(input.who));
      return {};
    }),
    unblock: api.unblock.handler(({ input }) => {
      open().blocks.remove(readWho(input.who));
      return {};
    }),
    reports: api.reports.handler(() => ({ reports: [...open().reports.list()] })),
  };
}

/** Routes that only the owner's terminal may call. */
export function storefrontShellRoutes(
  api: ReturnType<typeof forShellOnly>,
  parts: Pick<ApiParts, 'storefront'>,
) {
  return {
    customerCredit: api.customerCredit.handler(({ input }) => ({
      customer: opened(parts).customers.credit(input.id, amount(input.amount)),
    })),
    customerPaidBack: api.customerPaidBack.handler(({ input }) => {
      const { customers, payouts } = opened(parts);
      payouts.paidBack(customerIdOf(customers, input.id), amount(input.amount));
      return {};
    }),
  };
}

function opened(parts: Pick<ApiParts, 'storefront'>) {
  const storefront = parts.storefront();
  if (storefront !== null) return storefront;
  throw new AppError(
    'unsupported',
    'The storefront is off. Turn it on on the page Job sources, or start with --role storefront.',
  );
}

/** Reads the address of a customer that paid on the chain, or the ID of one with an API key. */
function customerIdOf(customers: Pick<CustomerKeys, 'account'>, who: string): string {
  return PAYER_ADDRESS.test(who) ? payerCustomerId(who) : customers.account(who);
}

function readWho(text: string): string {
  const parsed = checkShape(blockedSchema, text);
  if (parsed.success) return parsed.data;
  throw new AppError(
    'bad-request',
    `Invalid address "${text}". Use an IP address or a payer’s address (0x…).`,
  );
}
