/** `wallet send`, `confirm`, `pending`, `history`, `speed-up` and `cancel`: call the running agent. */
import { parseArgs } from 'node:util';
import type { SpendSummary, WalletTransaction } from '../../shared/api/wallet.ts';
import { customerName } from '../../shared/customers.ts';
import { AppError } from '../../shared/errors.ts';
import { formatUnits, parseUnits } from '../../shared/money.ts';
import { text } from '../../shared/strings/index.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { askYes } from './prompt.ts';
import { type AgentApi, readState, withRunningAgent } from './running-agent.ts';

const POLL_MS = 200;

interface TransferArguments {
  readonly home: string;
  readonly words: readonly string[];
  readonly smallTest: boolean;
}

function read(argv: readonly string[], count: number, expected: string): TransferArguments {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { home: { type: 'string' }, 'small-test': { type: 'boolean', default: false } },
  });
  if (positionals.length !== count) throw new AppError('bad-request', `This command takes ${expected}.`);
  return { home: existingHome(values.home).root, words: positionals, smallTest: values['small-test'] };
}

/** Prepares a transfer, asks for confirmation here, and sends it. */
export const send: CommandRun = async (argv) => {
  const { home, words, smallTest } = read(
    argv,
    3,
    'an asset (token or coin), an amount or `all`, and an address',
  );
  const [asset, sum, to] = words;
  if (asset !== 'token' && asset !== 'coin') {
    throw new AppError('bad-request', `Invalid asset "${asset}". Use token or coin.`);
  }
  return withRunningAgent(home, async (api) => {
    const { money } = await readState(api);
    const { decimals } = asset === 'token' ? money.asset : money.coin;
    const amount = sum === 'all' ? ('all' as const) : parseUnits(sum ?? '', decimals).toString();
    const spend = await api.wallet.prepareSend({ asset, to: to ?? '', amount, smallTest });
    return confirmHere(
      api,
      api.wallet.requestSend({ id: spend.id }),
      ({ to, amount, expiresAtMs }) =>
        to === spend.to && amount === spend.amount && expiresAtMs === spend.expiresAtMs,
    );
  });
};

export const speedUp: CommandRun = async (argv) => {
  const { home, words } = read(argv, 1, 'the hash of a transaction');
  const hash = words[0] ?? '';
  return withRunningAgent(home, (api) =>
    confirmHere(api, api.wallet.speedUp({ hash }), ({ replaces }) => replaces === hash),
  );
};

export const cancel: CommandRun = async (argv) => {
  const { home, words } = read(argv, 1, 'the hash of a transaction');
  const hash = words[0] ?? '';
  return withRunningAgent(home, (api) =>
    confirmHere(api, api.wallet.cancel({ hash }), ({ replaces }) => replaces === hash),
  );
};

/** Confirms or declines a transfer that a page or another terminal requested. */
export const confirm: CommandRun = async (argv) => {
  const { home, words } = read(argv, 1, 'the ID that `wallet pending` shows');
  return withRunningAgent(home, async (api) => {
    const { spends } = await api.shell.pendingSpends({});
    const found = spends.find(({ id }) => id === words[0]);
    if (found === undefined)
      throw new AppError(
        'not-found',
        'Transfer not found. It may have been answered already; `wallet pending` lists those that are waiting.',
      );
    const approved = await askAbout(found.summary);
    await api.shell.answerSpend({ id: found.id, approved });
    console.log(approved ? 'Confirmed.' : 'Declined. Nothing is sent.');
    return 0;
  });
};

export const pending: CommandRun = async (argv) => {
  const { home } = read(argv, 0, 'only --home');
  return withRunningAgent(home, async (api) => {
    const { spends } = await api.shell.pendingSpends({});
    if (spends.length === 0) console.log('No transfers are waiting for confirmation.');
    for (const { id, summary } of spends) console.log(`${id}\n${describe(summary)}\n`);
    return 0;
  });
};

export const history: CommandRun = async (argv) => {
  const { home } = read(argv, 0, 'only --home');
  return withRunningAgent(home, async (api) => {
    const { money } = await readState(api);
    const { transactions } = await api.wallet.history({});
    if (transactions.length === 0) console.log('No transfers yet.');
    for (const transaction of transactions) {
      const { symbol, decimals } = transaction.asset === 'token' ? money.asset : money.coin;
      console.log(
        [
          new Date(transaction.sentAtMs).toISOString(),
          transaction.state.padEnd(8),
          `${formatUnits(BigInt(transaction.amount), decimals)} ${symbol} to ${transaction.to}`,
          transaction.hash,
          transaction.reason ?? '',
        ].join('  '),
      );
    }
    return 0;
  });
};

/** Asks here for the confirmation that this command's own request raised, and no other. Returns the exit code. */
export async function confirmHere(
  api: AgentApi,
  sent: Promise<WalletTransaction>,
  isMine: (summary: SpendSummary) => boolean,
): Promise<number> {
  let isOver = false;
  const findQuestion = async () => {
    while (!isOver) {
      const mine = (await api.shell.pendingSpends({})).spends.find(({ summary }) => isMine(summary));
      if (mine !== undefined) return mine;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return null;
  };
  try {
    // A request that fails before it needs confirmation ends the wait.
    const first = await Promise.race([findQuestion(), sent]);
    if (first !== null && 'summary' in first) {
      await api.shell.answerSpend({ id: first.id, approved: await askAbout(first.summary) });
    }
  } finally {
    isOver = true;
  }
  const transaction = await sent;
  console.log(`${transaction.state}: ${transaction.hash}`);
  if (transaction.reason !== null) console.log(transaction.reason);
  return transaction.state === 'failed' || transaction.state === 'dropped' ? 1 : 0;
}

function askAbout(summary: SpendSummary): Promise<boolean> {
  process.stderr.write(`${describe(summary)}\n`);
  return askYes(summary.action === 'send' ? 'Send?' : 'Confirm?');
}

function describe(summary: SpendSummary): string {
  const { asset, coin, networkName } = summary;
  const sum = `${formatUnits(BigInt(summary.amount), asset.decimals)} ${asset.symbol}`;
  const total = `${formatUnits(BigInt(summary.total), asset.decimals)} ${asset.symbol}`;
  const lines = [
    `${summary.action} on ${networkName}${asset.practice ? ' (practice money, worth nothing)' : ''}`,
    `  amount  ${sum}${summary.smallTest ? ' (a small test)' : ''}`,
    `  to      ${summary.to}`,
    `  from    ${summary.from}`,
    `  fee     up to ${formatUnits(BigInt(summary.fee), coin.decimals)} ${coin.symbol}`,
    `  total   up to ${total}`,
  ];
  if (summary.payout !== null) lines.splice(1, 0, `  payout to customer ${customerName(summary.payout)}`);
  if (summary.replaces !== null) lines.push(`  replaces ${summary.replaces}`);
  return [
    ...lines,
    ...summary.warnings.map((warning) => `  ! ${text('en', `send.warning.${warning}`)}`),
  ].join('\n');
}
