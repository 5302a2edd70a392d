/** `customers …` and `visitors …`: for the owner of a storefront. */
import { parseArgs } from 'node:util';
import type { SpendSummary } from '../../shared/api/wallet.ts';
import { type Customer, customerName, keyCustomerId, keyOf, payerOf } from '../../shared/customers.ts';
import { AppError } from '../../shared/errors.ts';
import { type Asset, formatUnits, parseUnits } from '../../shared/money.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { askYes } from './prompt.ts';
import type { AgentApi } from './running-agent.ts';
import { readState, withRunningAgent } from './running-agent.ts';
import { confirmHere } from './wallet-spends.ts';

const OPTIONS = { home: { type: 'string' }, json: { type: 'boolean', default: false } } as const;

interface Given {
  readonly words: readonly string[];
  readonly json: boolean;
}

/** Runs a command that takes these words with the running agent. */
function command(words: readonly string[], run: (api: AgentApi, given: Given) => Promise<void>): CommandRun {
  return async (argv) => {
    const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
    if (positionals.length !== words.length) {
      throw new AppError('bad-request', `This command takes ${words.join(' and ') || 'no words'}.`);
    }
    return withRunningAgent(existingHome(values.home).root, async (api) => {
      await run(api, { words: positionals, json: values.json });
      return 0;
    });
  };
}

export const listCustomers = command([], async (api, { json }) => {
  const { customers, payers } = await api.storefront.customers({});
  if (json) console.log(JSON.stringify([...customers, ...payers]));
  else {
    const { asset } = (await readState(api)).money;
    for (const customer of customers) console.log(customerLine(customer, asset));
    for (const payer of payers) console.log(`${payer.address}  ${sumsText(payer, asset)}`);
  }
});

export const addCustomer = command(['a name'], async (api, { words: [name = ''], json }) => {
  const { customer, secret } = await api.storefront.addCustomer({ name });
  if (json) console.log(JSON.stringify({ ...customer, secret }));
  else console.log(`Key: ${secret}\nID:  ${customer.id}\nStore the key now. It isn’t shown again.`);
});

export const creditCustomer = command(
  ['a customer’s ID', 'an amount'],
  async (api, { words: [id = '', text = ''] }) => {
    const { asset } = (await readState(api)).money;
    const amount = parseUnits(text, asset.decimals).toString();
    const { customer } = await api.shell.customerCredit({ id, amount });
    console.log(customerLine(customer, asset));
  },
);

/** Pays out what a customer hasn't used: on the chain, or as paid back elsewhere, which is only recorded. */
export const payoutCustomer: CommandRun = async (argv) => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      home: { type: 'string' },
      to: { type: 'string' },
      elsewhere: { type: 'boolean', default: false },
    },
  });
  const { to, elsewhere } = values;
  const [who, ...others] = positionals;
  if (who === undefined || others.length > 0) {
    throw new AppError('bad-request', 'This command takes a customer’s ID or a payer’s address.');
  }
  if (elsewhere && to !== undefined) {
    throw new AppError('bad-request', 'Use --to or --elsewhere, not both.');
  }
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    if (elsewhere) return recordPaidBack(api, who);
    return confirmHere(api, api.storefront.payOut({ who, to: to ?? null }), isPayoutTo({ who, to }));
  });
};

/** Recognizes the confirmation of this payout among others that are waiting. */
export function isPayoutTo({ who, to }: { readonly who: string; readonly to?: string | undefined }) {
  const same = (left: string, right: string) => left.trim().toLowerCase() === right.trim().toLowerCase();
  return ({ action, to: receiver, payout }: Pick<SpendSummary, 'action' | 'to' | 'payout'>): boolean =>
    action === 'send' &&
    payout !== null &&
    same(keyOf(payout.customerId) ?? payerOf(payout.customerId) ?? '', who) &&
    same(receiver, to ?? payerOf(payout.customerId) ?? '');
}

async function recordPaidBack(api: AgentApi, id: string): Promise<number> {
  const { asset } = (await readState(api)).money;
  const { customers } = await api.storefront.customers({});
  const customer = customers.find((each) => each.id === id.trim());
  if (customer === undefined) throw new AppError('not-found', `No customer has the ID "${id}".`);
  const sum = `${formatUnits(BigInt(customer.balance), asset.decimals)} ${asset.symbol}`;
  const who = customerName({ customerId: keyCustomerId(customer.id), name: customer.name });
  const isConfirmed = await askYes(`Record that you paid ${sum} back to ${who} elsewhere?`);
  if (!isConfirmed) {
    console.log('Nothing was recorded.');
    return 1;
  }
  await api.shell.customerPaidBack({ id: customer.id, amount: customer.balance });
  console.log(`Recorded: ${sum} paid back elsewhere.`);
  return 0;
}

export const revokeCustomer = command(['a customer’s ID'], async (api, { words: [id = ''] }) => {
  await api.storefront.revokeCustomer({ id });
  console.log('Revoked.');
});

export const listBlocked = command([], async (api) => {
  const { blocked } = await api.storefront.blocked({});
  for (const { who, atMs } of blocked) console.log(`${who}  since ${instant(atMs)}`);
});

export const block = command(['an IP address or a payer’s address'], async (api, { words: [who = ''] }) => {
  await api.storefront.block({ who });
  console.log('Blocked.');
});

export const unblock = command(['an IP address or a payer’s address'], async (api, { words: [who = ''] }) => {
  await api.storefront.unblock({ who });
  console.log('Unblocked.');
});

export const listReports = command([], async (api, { json }) => {
  const { reports } = await api.storefront.reports({});
  if (json) console.log(JSON.stringify(reports));
  // A stranger wrote them: nothing in them may change how the terminal shows the rest.
  else for (const report of reports) console.log(JSON.stringify({ ...report, atMs: instant(report.atMs) }));
});

/** One line of `customers list`. */
export function customerLine(
  customer: Customer,
  { symbol, decimals }: Pick<Asset, 'symbol' | 'decimals'>,
): string {
  const { id, name, isRevoked } = customer;
  return `${id}  ${name}${isRevoked ? ' (revoked)' : ''}  ${sumsText(customer, { symbol, decimals })}`;
}

function sumsText(
  { balance, charged }: Pick<Customer, 'balance' | 'charged'>,
  { symbol, decimals }: Pick<Asset, 'symbol' | 'decimals'>,
): string {
  const money = (units: string) => `${formatUnits(BigInt(units), decimals)} ${symbol}`;
  return `balance: ${money(balance)}, used: ${money(charged)}`;
}

function instant(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16)}Z`;
}
