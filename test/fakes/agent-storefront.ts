/** The storefront's customers of the fake agent. */
import { implement, ORPCError } from '@orpc/server';
import { contract } from '../../shared/api/contract.ts';
import type { ListedCustomer, ListedPayer } from '../../shared/customers.ts';
import type { FakeAgentState } from './agent-memory.ts';
import { sentTransaction } from './agent-wallet.ts';

const on = implement(contract.storefront);

export interface CustomerList {
  readonly customers: ListedCustomer[];
  readonly payers: ListedPayer[];
}

/** Key of the customer that a test adds. */
export const CUSTOMER_KEY = `iws-${'c0de'.repeat(12)}`;
export const PAYER = `0x${'7a'.repeat(20)}`;

/** Customers at this time: one that buys, one that was revoked with a balance, and a payer on the chain. */
export function customersAt(nowMs: number): CustomerList {
  const customer = { createdAtMs: nowMs - 86_400_000, isRevoked: false, lastRequestAtMs: null };
  return {
    customers: [
      {
        ...{ ...customer, id: '0011223344556677', name: 'Ada’s research group' },
        ...{ balance: '2500000', charged: '1250000', lastRequestAtMs: nowMs - 7 * 60_000 },
      },
      {
        ...{ ...customer, id: '8899aabbccddeeff', name: 'Bob', isRevoked: true },
        ...{ balance: '40000', charged: '960000' },
      },
    ],
    payers: [{ address: PAYER, balance: '1800', charged: '200', lastRequestAtMs: nowMs - 3_600_000 }],
  };
}

export function storefrontHandlers(agent: FakeAgentState) {
  const unsupported = (): never => {
    throw new ORPCError('NOT_IMPLEMENTED');
  };
  return {
    customers: on.customers.handler(() => ({ ...agent.customers })),
    addCustomer: on.addCustomer.handler(({ input }) => {
      agent.receive('storefront.addCustomer', input);
      const { name } = input;
      const customer: ListedCustomer = {
        ...{ id: 'c'.repeat(16), name, createdAtMs: agent.now(), isRevoked: false },
        ...{ balance: '0', charged: '0', lastRequestAtMs: null },
      };
      agent.customers.customers.push(customer);
      return { customer, secret: CUSTOMER_KEY };
    }),
    credit: on.credit.handler(async ({ input }) => {
      agent.receive('storefront.credit', input);
      await agent.confirmation;
      const customer = agent.customers.customers.find(({ id }) => id === input.id);
      if (customer === undefined) return unsupported();
      customer.balance = String(BigInt(customer.balance) + BigInt(input.amount));
      return { customer };
    }),
    payOut: on.payOut.handler(async ({ input }) => {
      agent.receive('storefront.payOut', input);
      await agent.confirmation;
      for (const paid of agent.customers.customers) if (paid.id === input.who) paid.balance = '0';
      return { ...sentTransaction('pending', agent.now()), asset: 'token' as const, amount: '2500000' };
    }),
    revokeCustomer: on.revokeCustomer.handler(({ input }) => {
      agent.receive('storefront.revokeCustomer', input);
      for (const customer of agent.customers.customers)
        if (customer.id === input.id) customer.isRevoked = true;
      return {};
    }),
    // No page calls these.
    blocked: on.blocked.handler(unsupported),
    block: on.block.handler(unsupported),
    unblock: on.unblock.handler(unsupported),
    reports: on.reports.handler(unsupported),
  };
}
