/** Ledger entries: description, time, amount, and on opening the accounts that the entry changed. */

import type { z } from 'zod';
import type { ledgerEntrySchema } from '../../shared/api/contract.ts';
import { shorten, writeExactTime } from '../format.ts';
import { hrefTo } from '../route.ts';
import { AmountById } from './amount.tsx';
import { CopyButton } from './copy.tsx';
import { Fact } from './fact.tsx';
import { Icon } from './icon.tsx';
import { useStrings } from './strings.ts';

export type Entry = z.infer<typeof ledgerEntrySchema>;

/** True if a reference is a transaction hash (otherwise it is a job ID). */
export function isTransaction(reference: string | null): reference is string {
  return reference !== null && /^0x[0-9a-fA-F]{64}$/.test(reference);
}

export function EntryList({ entries }: { entries: readonly Entry[] }) {
  return (
    <ul className="rows entries">
      {entries.map((entry) => (
        <li key={entry.id}>
          <EntryItem entry={entry} />
        </li>
      ))}
    </ul>
  );
}

export function EntryItem({ entry }: { entry: Entry }) {
  const { language } = useStrings();
  const gain = entry.lines.find((line) => !line.amount.startsWith('-'));
  return (
    <details>
      <summary className="row-line">
        <Icon name="next" isSmall />
        <span className="grow">
          {entry.description}
          <time className="sm" dateTime={new Date(entry.atMs).toISOString()}>
            {writeExactTime(entry.atMs, language)}
          </time>
        </span>
        <span className="end">
          {gain ? <AmountById baseUnits={gain.amount} assetId={gain.assetId} isPlain /> : null}
        </span>
      </summary>
      <EntryBody entry={entry} />
    </details>
  );
}

function EntryBody({ entry }: { entry: Entry }) {
  const { t } = useStrings();
  return (
    <div className="entry-body">
      <dl className="kv">
        {entry.lines.map((line, index) => (
          <div className="kv-row" key={`${line.account}-${String(index)}`}>
            <dt>{line.account}</dt>
            <dd>
              <AmountById baseUnits={line.amount} assetId={line.assetId} isExact />
            </dd>
          </div>
        ))}
      </dl>
      <Reference reference={entry.reference} />
      <p className="sm soft">{t('entry.kind', { kind: entry.kind, id: entry.id })}</p>
    </div>
  );
}

function Reference({ reference }: { reference: string | null }) {
  const { t } = useStrings();
  if (reference === null) return null;
  if (isTransaction(reference)) {
    return (
      <p className="identifier">
        {t('entry.transaction')}{' '}
        <Fact about={reference}>
          <code>{shorten(reference, 10, 8)}</code>
        </Fact>{' '}
        <CopyButton text={reference} label={t('entry.transaction')} isIcon />
      </p>
    );
  }
  return (
    <p>
      <a href={hrefTo('jobs', reference)}>{t('entry.openJob')}</a>
    </p>
  );
}
