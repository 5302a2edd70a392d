/** Part of the page "Machines": what machines that sell to others have earned there, and how a machine that sells gets here. */
import type { Outside, ShownMachine } from '../../shared/machines.ts';
import { useAction } from '../calls.ts';
import { Amount } from '../parts/amount.tsx';
import { ActionButton, ActionLink } from '../parts/button.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { Note } from '../parts/note.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import type { Column } from '../parts/table.tsx';
import { hrefTo } from '../route.ts';
import { agent } from '../store.ts';
import { MachineJoin } from './machines-join.tsx';

/** Sums by asset: practice money and real money are never added up. */
export function earnedOutside(machines: readonly ShownMachine[]): readonly Outside[] {
  const sums = new Map<string, Outside>();
  for (const { report } of machines) {
    if (!report?.outside) continue;
    const { asset, earned } = report.outside;
    const before = sums.get(asset.id);
    sums.set(asset.id, {
      ...report.outside,
      earned: String(BigInt(earned) + BigInt(before?.earned ?? '0')),
    });
  }
  return [...sums.values()];
}

/** Nothing where no machine sells to others. */
export function EarnedOutside({ machines }: { machines: readonly ShownMachine[] }) {
  const { t } = useStrings();
  const sums = earnedOutside(machines);
  if (sums.length === 0) return null;
  return (
    <p className="sm">
      {t('machines.outside.sum')}{' '}
      {sums.map(({ asset, earned }) => (
        <span key={asset.id}>
          <Amount baseUnits={earned} asset={asset} isPlain />{' '}
        </span>
      ))}
    </p>
  );
}

/** The column of what each machine earned outside. */
export function useOutsideColumn(): Column<ShownMachine> {
  const { t } = useStrings();
  return {
    key: 'outside',
    head: t('machines.outside.head'),
    isNumber: true,
    fold: 4,
    cell: ({ report }) =>
      report?.outside ? (
        <Amount
          baseUnits={report.outside.earned}
          asset={report.outside.asset}
          about={t('machines.outside.about')}
        />
      ) : (
        '–'
      ),
  };
}

/** The page of a machine that is among no others yet. It sells to others. */
export function MachinesNone() {
  const { t } = useStrings();
  const found = useAction((_: null) => agent.machines.found({}));
  return (
    <>
      <PageHead title={t('nav.machines')} />
      <Empty title={t('machines.none')}>
        <p>{t('machines.noneNote')}</p>
        <ActionLink href={hrefTo('settings', 'general')}>{t('machines.choose')}</ActionLink>
      </Empty>
      <p className="soft">{t('machines.outside.lead')}</p>
      <Columns>
        <Card title={t('machines.outside.first')} isPadded>
          <p className="sm soft">{t('machines.outside.firstNote')}</p>
          <p>
            <ActionButton isDisabled={found.busy || found.result !== null} onPress={() => found.run(null)}>
              {t('machines.outside.act')}
            </ActionButton>
          </p>
          <ProblemNote problem={found.problem} />
          {found.result === null ? null : (
            <Note tone="info" role="status">
              {t(found.result.restarts ? 'machines.join.restarts' : 'machines.join.nextStart')}
            </Note>
          )}
        </Card>
        <MachineJoin />
      </Columns>
    </>
  );
}
