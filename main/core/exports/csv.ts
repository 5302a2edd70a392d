/** Exports one row per line of each ledger entry (RFC 4180), with its value at that time and the rate's source. */
import { kudosOf } from '../../../shared/horde.ts';
import { type Asset, formatUnits, networkOf } from '../../../shared/money.ts';
import type { Rate } from '../../ports/rates.ts';
import { row } from './cells.ts';
import { originsOf } from './origins.ts';
import { type ExportSources, knownAsset } from './sources.ts';
import { fiatValue } from './values.ts';

const COLUMNS = [
  'time',
  'day',
  'entry',
  'kind',
  'description',
  'account',
  'amount',
  'symbol',
  'money',
  'network',
  'asset',
  'fiat value',
  'fiat currency',
  'rate',
  'rate source',
  'model',
  'peer',
  'job',
  'channel',
  'transaction',
  'takes back',
  'hash',
  'origin',
] as const;

/** Yields text in pieces of whole rows. Debits are positive, as in the ledger. */
export function* exportCsv(sources: ExportSources): Iterable<string> {
  yield row(COLUMNS);
  const originOf = originsOf(sources);
  for (const page of sources.pages()) {
    const rows = page.flatMap(({ hash, posting }) => {
      if (posting.atMs < sources.fromMs || posting.atMs >= sources.toMs) return [];
      const origin = originOf(posting) ?? '';
      return posting.lines.map((line) => {
        const asset = knownAsset(sources, line.assetId);
        return row([
          new Date(posting.atMs).toISOString(),
          sources.dayOf(posting.atMs),
          posting.key,
          posting.kind,
          posting.description,
          line.account,
          formatUnits(line.amount, asset.decimals),
          asset.symbol,
          asset.practice ? 'practice' : kudosOf(asset.id) === null ? 'real' : 'none',
          networkOf(line.assetId),
          line.assetId,
          ...worth(line.amount, asset, sources.rates.at(asset, posting.atMs)),
          posting.model ?? '',
          posting.peer ?? '',
          posting.jobId ?? '',
          line.channelId ?? '',
          posting.txHash ?? '',
          posting.reverses ?? '',
          hash ?? '',
          origin,
        ]);
      });
    });
    if (rows.length > 0) yield rows.join('');
  }
}

function worth(value: bigint, asset: Asset, rate: Rate | null): readonly string[] {
  if (asset.practice) return ['practice money has no value', '', '', ''];
  if (kudosOf(asset.id) !== null) return ['kudos are not money', '', '', ''];
  if (rate === null) return ['no rate known', '', '', ''];
  return [fiatValue(value, asset.decimals, rate.value), rate.currency, rate.value, rate.source];
}
