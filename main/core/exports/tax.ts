/**
 * Exports for tax programs: Koinly's universal CSV and CoinTracker's CSV. Wallet and payment channels count as one
 * holding, so claims, payouts and deposits are no rows; income and spending are one row per day, origin and asset, all
 * else one row per entry. Practice and test money is left out: a tax program would take its symbol for real money. So are kudos,
 * which are no money.
 */
import { kudosOf } from '../../../shared/horde.ts';
import { formatUnits } from '../../../shared/money.ts';
import type { Account, Posting } from '../../ports/ledger.ts';
import { row } from './cells.ts';
import { ORIGIN_TITLES, type Origin, originsOf } from './origins.ts';
import { type ExportSources, entriesOf, knownAsset } from './sources.ts';
import { fiatValue } from './values.ts';

type Kind = 'income' | 'spent' | 'fee' | 'moved';

/** Returns the effect of a line of this account on the holding; null for parts of the holding itself. */
const KINDS: Readonly<Record<Account, Kind | null>> = {
  wallet: null,
  'channels:owed': null,
  'contract:claimed': null,
  'channels:deposited': null,
  'income:jobs': 'income',
  'income:relaying': 'income',
  'expense:inference': 'spent',
  'expense:relaying': 'spent',
  'fees:network': 'fee',
  'equity:faucet': 'moved',
  'equity:opening': 'moved',
  'equity:sent': 'moved',
  // Income when it is used.
  'customers:balance': null,
  'customers:elsewhere': null,
  'customers:payouts': null,
  standing: null,
};

/** One change of the holding; positive is received. */
interface Change {
  readonly kind: Kind;
  readonly assetId: string;
  readonly atMs: number;
  amount: bigint;
  readonly description: string;
  readonly txHash: string | null;
}

/** Descriptions of what is one row per day. */
const DAY_TEXTS: Readonly<Partial<Record<Account, string>>> = {
  'income:jobs': 'Answers sold',
  'income:relaying': 'Relaying sold',
  'expense:inference': 'Answers bought',
  'expense:relaying': 'Relaying bought',
};

export function* exportKoinly(sources: ExportSources): Iterable<string> {
  yield row([
    'Date',
    'Sent Amount',
    'Sent Currency',
    'Received Amount',
    'Received Currency',
    'Fee Amount',
    'Fee Currency',
    'Net Worth Amount',
    'Net Worth Currency',
    'Label',
    'Description',
    'TxHash',
  ]);
  const labels: Readonly<Record<Kind, string>> = { income: 'income', spent: 'cost', fee: 'cost', moved: '' };
  for (const change of changesOf(sources)) {
    const { symbol, decimals } = knownAsset(sources, change.assetId);
    const isReceived = change.amount > 0n;
    const value = isReceived ? change.amount : -change.amount;
    const sides = [formatUnits(value, decimals), symbol];
    const rate = sources.rates.at(knownAsset(sources, change.assetId), change.atMs);
    yield row([
      `${new Date(change.atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
      ...(isReceived ? ['', '', ...sides] : [...sides, '', '']),
      '',
      '',
      ...(rate === null ? ['', ''] : [fiatValue(value, decimals, rate.value), rate.currency]),
      // A correction that flows in the opposite direction is neither income nor a cost.
      isReceived === (change.kind === 'income') ? labels[change.kind] : '',
      change.description,
      change.txHash ?? '',
    ]);
  }
}

export function* exportCoinTracker(sources: ExportSources): Iterable<string> {
  yield row([
    'Date',
    'Received Quantity',
    'Received Currency',
    'Sent Quantity',
    'Sent Currency',
    'Fee Amount',
    'Fee Currency',
    'Tag',
  ]);
  for (const change of changesOf(sources)) {
    const { symbol, decimals } = knownAsset(sources, change.assetId);
    const isReceived = change.amount > 0n;
    const sides = [formatUnits(isReceived ? change.amount : -change.amount, decimals), symbol];
    const [year, month, day] = new Date(change.atMs).toISOString().slice(0, 10).split('-');
    yield row([
      `${month}/${day}/${year} ${new Date(change.atMs).toISOString().slice(11, 19)}`,
      ...(isReceived ? [...sides, '', ''] : ['', '', ...sides]),
      '',
      '',
      change.kind === 'income' && isReceived ? 'payment' : '',
    ]);
  }
}

/** Returns the changes of the holding in real money, oldest first. */
function changesOf(sources: ExportSources): readonly Change[] {
  const days = new Map<string, Change>();
  const single: Change[] = [];
  const originOf = originsOf(sources);
  for (const { posting } of entriesOf(sources)) {
    const origin = originOf(posting);
    for (const change of parts(posting, sources, origin)) {
      if (change.kind !== 'income' && change.kind !== 'spent') {
        single.push(change);
        continue;
      }
      const key = `${sources.dayOf(change.atMs)} ${change.description} ${change.assetId}`;
      const known = days.get(key);
      if (known === undefined) days.set(key, { ...change, txHash: null });
      else known.amount += change.amount;
    }
  }
  return [...single, ...days.values()]
    .filter(({ amount }) => amount !== 0n)
    .sort((left, right) => left.atMs - right.atMs);
}

function* parts(posting: Posting, sources: ExportSources, origin: Origin | null): Iterable<Change> {
  for (const { account, assetId, amount } of posting.lines) {
    const kind = KINDS[account];
    if (kind === null || knownAsset(sources, assetId).practice || kudosOf(assetId) !== null) continue;
    const { atMs, txHash } = posting;
    const ofDay = DAY_TEXTS[account];
    const isAnswer = account === 'income:jobs' && origin !== null;
    const description = isAnswer ? `${ofDay}: ${ORIGIN_TITLES[origin]}` : (ofDay ?? posting.description);
    yield { kind, assetId, atMs, amount: -amount, description, txHash };
  }
}
