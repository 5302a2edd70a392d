/** Books with income of each origin, for tests of the exports. */
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { type ExportSources, NO_RATES } from '../../../main/core/exports/index.ts';
import { createLedger, type PostingRequest } from '../../../main/core/ledger/index.ts';
import { payerCustomerId, visitorPeer } from '../../../shared/customers.ts';
import { hordePeer, kudosAsset } from '../../../shared/horde.ts';
import { type Asset, amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

export const USDC: Asset = { id: 'eip155:8453/0x01', symbol: 'USDC', decimals: 6, practice: false };
export const PRACTICE: Asset = { id: 'eip155:31337/0x01', symbol: 'USDC', decimals: 6, practice: true };
const HORDE = hordePeer('https://aihorde.net');
export const CUSTOMER = payerCustomerId('0x0A');

type Account = PostingRequest['lines'][number]['account'];

/** Moves an amount into income from an account. */
function income(
  key: string,
  about: { readonly units: bigint; readonly atMs: number; readonly peer: string | null },
  paid: { readonly from: Account; readonly channelId: string | null; readonly asset?: Asset },
): PostingRequest {
  const { from, channelId, asset = USDC } = paid;
  const { units, atMs, peer } = about;
  return {
    ...{ key, atMs, kind: 'job-charged', description: 'Served a model', ...(peer !== null && { peer }) },
    lines: [
      { account: from, assetId: asset.id, amount: amount(units), channelId },
      { account: 'income:jobs', assetId: asset.id, amount: amount(-units), channelId },
    ],
  };
}

export const market = (key: string, units: bigint, atMs: number, asset = USDC) =>
  income(key, { units, atMs, peer: '12D3KooWbuyer' }, { from: 'channels:owed', channelId: '0xm', asset });

export const visitor = (key: string, units: bigint, atMs: number) =>
  income(key, { units, atMs, peer: visitorPeer('0a') }, { from: 'channels:owed', channelId: '0xv' });

export const customer = (key: string, units: bigint, atMs: number) =>
  income(key, { units, atMs, peer: visitorPeer('0b') }, { from: 'customers:balance', channelId: CUSTOMER });

/** A charge that a crash kept from the ledger, without the name of its buyer. */
export const recovered = (key: string, units: bigint, atMs: number, channelId: string): PostingRequest => ({
  ...income(key, { units, atMs, peer: null }, { from: 'channels:owed', channelId }),
  kind: 'charge-recovered',
});

/** A payment in advance. */
export const prepaid = (key: string, units: bigint, atMs: number): PostingRequest => ({
  ...{ key, atMs, kind: 'customer-paid', description: 'Paid in advance by a customer' },
  lines: [
    { account: 'wallet', assetId: USDC.id, amount: amount(units), channelId: CUSTOMER },
    { account: 'customers:balance', assetId: USDC.id, amount: amount(-units), channelId: CUSTOMER },
  ],
});

export const kudos = (key: string, units: bigint, atMs: number): PostingRequest => ({
  ...income(
    key,
    { units, atMs, peer: HORDE },
    { from: 'standing', channelId: null, asset: kudosAsset(HORDE) },
  ),
  kind: 'kudos',
});

export function sourcesOf(
  requests: readonly PostingRequest[],
  changed: Partial<ExportSources> = {},
): ExportSources {
  const database = openDatabase(':memory:');
  const calendar = createCalendar('UTC');
  const ledger = createLedger({ store: database.ledger, clock: manualClock(0), calendar });
  ledger.postAll(requests);
  // A closed database can't be read: an export reads it more than once.
  const pages = [...ledger.pages()];
  database.close();
  return {
    pages: () => pages,
    fromMs: 0,
    toMs: Number.MAX_SAFE_INTEGER,
    assetOf: (id) => [USDC, PRACTICE].find((asset) => asset.id === id) ?? null,
    rates: NO_RATES,
    dayOf: calendar.day,
    ...changed,
  };
}
