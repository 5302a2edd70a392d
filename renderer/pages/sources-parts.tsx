/** Job sources page: what each of its cards has, the measured payment and the facts about the source. */
import type { NetworkEarnings } from '../../shared/api/contract.ts';
import type { Settings } from '../../shared/settings.ts';
import { writeNumber } from '../format.ts';
import { Amount } from '../parts/amount.tsx';
import type { Change } from '../parts/doubts.tsx';
import { Row } from '../parts/rows.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

/** Days of the payments that are shown. */
export const PAID_DAYS = 30;

export interface SourceProps {
  readonly settings: Settings;
  readonly change: Change;
  /** Null until it is known. */
  readonly paid: NetworkEarnings | null;
}

/** Money of a source, by the ledger. */
export function PaidRow({ source, paid }: Pick<SourceProps, 'paid'> & { source: 'market' | 'storefront' }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const sales = paid?.[source] ?? null;
  const note = source === 'storefront' ? { note: t('earnings.resold') } : {};
  return (
    <Row
      title={<b>{t('sources.paid')}</b>}
      {...note}
      end={
        sales?.jobs === 0 ? (
          <span className="soft">{t('sources.nothing')}</span>
        ) : (
          <Amount baseUnits={sales?.earned ?? null} asset={asset} about={t('source.ledger')} />
        )
      }
      exact={
        sales === null || sales.jobs === 0
          ? null
          : t('earnings.jobs', { count: sales.jobs, written: writeNumber(sales.jobs, language) })
      }
    />
  );
}

/** Facts about a source: what it asks of the owner, and what others see. */
export function FactRows({ asks, sees }: { asks: string; sees: string }) {
  const { t } = useStrings();
  return (
    <>
      <Row title={<b>{t('sources.asks')}</b>} note={asks} />
      <Row title={<b>{t('sources.sees')}</b>} note={sees} />
    </>
  );
}
