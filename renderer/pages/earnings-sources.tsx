/** Earnings page: a period by where its jobs came from. Kudos are no money and have a line of their own. */
import type { EarningsOverview } from '../../shared/api/contract.ts';
import { kudosAsset } from '../../shared/horde.ts';
import { writeNumber } from '../format.ts';
import { Amount } from '../parts/amount.tsx';
import { Card } from '../parts/card.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { useSection } from '../store.ts';

export function BySource({ overview }: { overview: EarningsOverview | null }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const { decimals } = kudosAsset('');
  if (overview === null) return null;
  const { kudos, ...networks } = overview.networks;
  const href = hrefTo('sources');
  return (
    <Card title={t('earnings.byNetwork')}>
      <Rows>
        {(['market', 'storefront'] as const).map((name) => {
          const { earned, jobs } = networks[name];
          if (jobs === 0 && name === 'storefront') return null;
          return (
            <Row
              key={name}
              title={t(`sources.${name}.title`)}
              {...(name === 'storefront' ? { note: t('earnings.resold') } : {})}
              end={<Amount baseUnits={earned} asset={asset} />}
              exact={t('earnings.jobs', { count: jobs, written: writeNumber(jobs, language) })}
              href={href}
            />
          );
        })}
        {kudos === '0' ? null : (
          <Row
            title={t('horde.title')}
            end={t('horde.kudosValue', {
              kudos: writeNumber(Number(kudos) / 10 ** decimals, language, decimals),
            })}
            href={href}
          />
        )}
      </Rows>
    </Card>
  );
}
