/**
 * Exports the ledger as plain text for Beancount: every entry, a price where a rate is known, and at the end the
 * balance of each account, so that `bean-check` verifies all sums independently.
 */
import { type Asset, formatUnits, networkOf } from '../../../shared/money.ts';
import type { Account, KeptPosting, Posting } from '../../ports/ledger.ts';
import { type Origin, originsOf } from './origins.ts';
import { type ExportSources, entriesOf, knownAsset } from './sources.ts';

const DAY_MS = 86_400_000;

/** Beancount's root account by the first word of our accounts; all others are Assets. */
const ROOTS: Readonly<Record<string, string>> = {
  income: 'Income',
  expense: 'Expenses',
  fees: 'Expenses',
  equity: 'Equity',
};

/** Yields text in pieces of whole directives. */
export function* exportBeancount(sources: ExportSources): Iterable<string> {
  yield ';; The books of Idlewatt. Amounts as recorded; practice money is a separate commodity and worth nothing.\n';
  yield 'option "title" "Idlewatt"\n';
  const opened = new Map<string, { account: string; commodity: string; decimals: number; sum: bigint }>();
  const priced = new Set<string>();
  let first: number | null = null;
  let last = 0;
  // Accounts must be opened before their first use, and the first entry recorded isn't always the oldest.
  for (const { posting } of entriesOf(sources)) {
    first = Math.min(first ?? posting.atMs, posting.atMs);
    last = Math.max(last, posting.atMs);
    for (const line of posting.lines) {
      const asset = knownAsset(sources, line.assetId);
      const account = accountName(line.account, line.assetId);
      const key = `${account} ${commodityOf(asset)}`;
      const known = opened.get(key);
      if (known === undefined) {
        opened.set(key, {
          account,
          commodity: commodityOf(asset),
          decimals: asset.decimals,
          sum: line.amount,
        });
      } else known.sum += line.amount;
    }
  }
  if (first === null) return;
  const start = sources.dayOf(first);
  const commodities = new Set([...opened.values()].map(({ commodity }) => commodity));
  for (const commodity of commodities) yield `${start} commodity ${commodity}\n`;
  for (const account of new Set([...opened.values()].map((entry) => entry.account))) {
    yield `${start} open ${account}\n`;
  }
  const originOf = originsOf(sources);
  for (const entry of entriesOf(sources)) {
    yield* pricesOf(entry.posting, sources, priced);
    yield transactionOf(entry, originOf(entry.posting), sources);
  }
  // Balance assertions apply to the beginning of a day: here the one after the last entry's.
  const end = sources.dayOf(last + DAY_MS + DAY_MS / 12);
  for (const { account, commodity, decimals, sum } of opened.values()) {
    yield `\n${end} balance ${account}  ${formatUnits(sum, decimals)} ~ 0 ${commodity}`;
  }
  yield '\n';
}

function transactionOf(
  { posting, hash }: KeptPosting,
  origin: Origin | null,
  sources: ExportSources,
): string {
  const metadata = {
    entry: posting.key,
    time: new Date(posting.atMs).toISOString(),
    model: posting.model,
    peer: posting.peer,
    origin,
    transaction: posting.txHash,
    'takes-back': posting.reverses,
    hash,
  };
  const lines = [`\n${sources.dayOf(posting.atMs)} * ${quoted(posting.description)}`];
  for (const [name, value] of Object.entries(metadata)) {
    if (value !== null) lines.push(`  ${name}: ${quoted(value)}`);
  }
  for (const line of posting.lines) {
    const asset = knownAsset(sources, line.assetId);
    lines.push(
      `  ${accountName(line.account, line.assetId)}  ${formatUnits(line.amount, asset.decimals)} ${commodityOf(asset)}`,
    );
    if (line.channelId !== null) lines.push(`    channel: ${quoted(line.channelId)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Yields one price per commodity and day. */
function* pricesOf(posting: Posting, sources: ExportSources, priced: Set<string>): Iterable<string> {
  for (const { assetId } of posting.lines) {
    const asset = knownAsset(sources, assetId);
    const rate = asset.practice ? null : sources.rates.at(asset, posting.atMs);
    const key = `${sources.dayOf(posting.atMs)} price ${commodityOf(asset)}`;
    if (rate === null || priced.has(key)) continue;
    priced.add(key);
    yield `\n${key}  ${rate.value} ${rate.currency}\n  source: ${quoted(rate.source)}\n`;
  }
}

/** Account name with the network, since the same coin on two chains is two holdings. */
function accountName(account: Account, assetId: string): string {
  const network = networkOf(assetId).replaceAll(/[^A-Za-z0-9]+/g, '-');
  const part = network === '' ? 'Elsewhere' : capitalised(network);
  const [first = '', ...rest] = account.split(':');
  const root = ROOTS[first];
  // `income:jobs` is Income:Jobs, `channels:owed` is Assets:Channels-Owed.
  const words = root === undefined || first === 'fees' ? [first, ...rest] : rest;
  return `${root ?? 'Assets'}:${words.map(capitalised).join('-')}:${part}`;
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Commodity name for Beancount, which allows capitals, digits and a few signs, at most 24 characters. */
function commodityOf(asset: Asset): string {
  const symbol = asset.symbol.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
  return `${asset.practice ? 'PRACTICE.' : ''}${/^[A-Z]/.test(symbol) ? symbol : `X${symbol}`}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll(/\s+/g, ' ')}"`;
}
