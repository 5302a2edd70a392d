/** Job sources page: where jobs come from, what each source has paid, and what the owner accepts of each. */
import { useAnswer } from '../calls.ts';
import { useIsFree } from '../parts/amount.tsx';
import { Columns } from '../parts/card.tsx';
import { SettingsForm } from '../parts/doubts.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Saved } from '../parts/saved.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';
import { BittensorPart } from './sources-bittensor.tsx';
import { Customers } from './sources-customers.tsx';
import { HordePart } from './sources-horde.tsx';
import { MachinesPart } from './sources-machines.tsx';
import { KindsPart, MarketPart } from './sources-market.tsx';
import { OrderPart } from './sources-order.tsx';
import { PAID_DAYS } from './sources-parts.tsx';
import { StorefrontPart } from './sources-storefront.tsx';

export function Sources() {
  const { t } = useStrings();
  const settings = useSection('settings');
  const { earnedTotal } = useSection('money');
  const { kudos } = useSection('horde');
  const isOwn = useIsFree();
  const paid = useAnswer(`${earnedTotal}|${kudos}`, () => agent.earnings.byNetwork({ days: PAID_DAYS }));
  return (
    <SettingsForm>
      {(change, saving) => {
        const props = { settings, change, paid: paid.data };
        const kinds = <KindsPart {...props} />;
        return (
          <>
            <PageHead title={t('nav.sources')} lead={t('sources.lead')}>
              <Saved change={saving} />
            </PageHead>
            <ProblemNote problem={saving.problem ?? paid.problem} />
            <Columns>
              <div className="stack">
                {isOwn ? null : <MarketPart {...props} />}
                {isOwn ? null : <StorefrontPart {...props} />}
                {isOwn ? null : <Customers />}
                <MachinesPart isOwn={isOwn} />
                <BittensorPart settings={settings} />
                {isOwn ? kinds : null}
              </div>
              <div className="stack">
                {isOwn ? null : kinds}
                <OrderPart settings={settings} change={change} />
                <HordePart {...props} />
              </div>
            </Columns>
          </>
        );
      }}
    </SettingsForm>
  );
}
