/** Activity of the wallet: claims, payouts and fees from the ledger, and the owner's own transfers, newest first. */
import { type ReactNode, useState } from 'react';
import { useAnswer } from '../calls.ts';
import { Card } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { EntryItem, isTransaction } from '../parts/entries.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Segments } from '../parts/segments.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';
import { TransferRow, useTransfers } from './wallet-transactions.tsx';

const VIEWS = ['all', 'payouts', 'sent'] as const;
type View = (typeof VIEWS)[number];
const ENTRIES = 200;
/** Sent transfers are ledger entries as well; they are shown with their state on the chain instead. */
const SENT = 'sent';

interface Item {
  readonly key: string;
  readonly atMs: number;
  readonly node: ReactNode;
}

export function Activity() {
  const { t } = useStrings();
  const [view, setView] = useState<View>('all');
  const { claimed, received, feesCoin } = useSection('money');
  const entries = useAnswer([claimed, received, feesCoin].join('|'), () =>
    agent.earnings.entries({ limit: ENTRIES }),
  );
  const transfers = useTransfers();
  const payouts = (entries.data?.entries ?? [])
    .filter(({ reference, kind }) => isTransaction(reference) && kind !== SENT)
    .map((entry): Item => ({ key: entry.id, atMs: entry.atMs, node: <EntryItem entry={entry} /> }));
  const sent = (transfers.data ?? []).map(
    (transaction): Item => ({
      key: transaction.hash,
      atMs: transaction.sentAtMs,
      node: <TransferRow transaction={transaction} onChanged={transfers.reload} />,
    }),
  );
  const items = [...(view === 'sent' ? [] : payouts), ...(view === 'payouts' ? [] : sent)].sort(
    (left, right) => right.atMs - left.atMs,
  );
  const isLoaded = entries.data !== null && transfers.data !== null;
  return (
    <Card
      title={t('wallet.activity')}
      aside={
        <Segments
          label={t('wallet.activity')}
          value={view}
          onChange={setView}
          options={VIEWS.map((value) => ({ value, label: t(`wallet.views.${value}`) }))}
        />
      }
    >
      <ProblemNote problem={entries.problem ?? transfers.problem} />
      {isLoaded && items.length === 0 ? (
        <Empty title={t(view === 'sent' ? 'sent.none' : 'wallet.noHistory')}>
          <p>{t(view === 'sent' ? 'sent.noneNext' : 'wallet.noHistoryNext')}</p>
        </Empty>
      ) : (
        <ul className="rows">
          {items.map(({ key, node }) => (
            <li key={key}>{node}</li>
          ))}
        </ul>
      )}
    </Card>
  );
}
