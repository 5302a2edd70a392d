/** Routes for the owner of a storefront. */
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { blockedSchema } from '../../core/storefront/index.ts';
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function storefrontRoutes(api: ApiImplementer['storefront'], parts: Pick<ApiParts, 'storefront'>) {
  const open = () => {
    const storefront = parts.storefront();
    if (storefront !== null) return storefront;
    throw new AppError(
      'unsupported',
      'The storefront is off. Turn it on on the page Job sources, or start with --role storefront.',
    );
  };
  return {
    customers: api.customers.handler(() => ({ customers: [...open().customers.list()] })),
    addCustomer: api.addCustomer.handler(({ input }) => open().customers.add(input.name)),
    credit: api.credit.handler(({ input }) => ({
      customer: open().customers.credit(input.id, amount(input.amount)),
    })),
    revokeCustomer: api.revokeCustomer.handler(({ input }) => {
      open().customers.revoke(input.id);
      return {};
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

function readWho(text: string): string {
  const parsed = checkShape(blockedSchema, text);
  if (parsed.success) return parsed.data;
  throw new AppError(
    'bad-request',
    `Invalid address "${text}". Use an IP address or a payer’s address (0x…).`,
  );
}
