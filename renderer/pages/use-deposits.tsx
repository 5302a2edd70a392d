/** Page "Buy inference": deposits with providers, and the two ways to take each of them back. */
import { useEffect } from 'react';
import { Button } from 'react-aria-components';
import type { BoughtChannel } from '../../shared/api/channels.ts';
import { useAction, useAnswer } from '../calls.ts';
import { shorten, writeExactTime } from '../format.ts';
import { Amount } from '../parts/amount.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import { type Column, Table } from '../parts/table.tsx';
import { agent, useSection } from '../store.ts';

/** Shows nothing on a machine without deposits. */
export function Deposits() {
  const { t } = useStrings();
  const { data, problem, reload } = useAnswer('deposits', () => agent.channels.list({}));
  const refund = useAction((channelId: string) => agent.channels.refund({ channelId }));
  const withdraw = useAction((channelId: string) => agent.channels.withdraw({ channelId }));
  useEffect(() => {
    if (refund.result !== null || withdraw.result !== null) reload();
  }, [refund.result, withdraw.result, reload]);
  const columns = useColumns({
    isBusy: refund.busy || withdraw.busy,
    refund: refund.run,
    withdraw: withdraw.run,
  });
  if (problem === null && (data === null || data.channels.length === 0)) return null;
  return (
    <section aria-labelledby="use-deposits">
      <h2 id="use-deposits">{t('deposits.title')}</h2>
      <p className="soft">{t('deposits.note')}</p>
      <ProblemNote problem={problem ?? refund.problem ?? withdraw.problem} />
      {data === null ? null : (
        <Table
          label={t('deposits.title')}
          columns={columns}
          rows={data.channels}
          rowKey={(row) => row.channelId}
        />
      )}
    </section>
  );
}

interface Acts {
  readonly isBusy: boolean;
  readonly refund: (channelId: string) => void;
  readonly withdraw: (channelId: string) => void;
}

function useColumns({ isBusy, refund, withdraw }: Acts): readonly Column<BoughtChannel>[] {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const name = ({ peer }: BoughtChannel) => shorten(peer, 6, 6);
  return [
    { key: 'peer', head: t('deposits.provider'), cell: (row) => <code title={row.peer}>{name(row)}</code> },
    {
      key: 'left',
      head: t('deposits.left'),
      isNumber: true,
      cell: (row) => <Amount baseUnits={row.left} asset={asset} />,
    },
    {
      key: 'acts',
      head: t('deposits.takeBack'),
      cell: (row) =>
        row.withdrawalReadyAtMs !== null ? (
          t('deposits.readyAt', { time: writeExactTime(row.withdrawalReadyAtMs, language) })
        ) : (
          <>
            <Button
              className="button is-small"
              isDisabled={isBusy}
              aria-label={t('deposits.refundFrom', { provider: name(row) })}
              onPress={() => refund(row.channelId)}
            >
              {t('deposits.refund')}
            </Button>{' '}
            <Button
              className="button is-small"
              isDisabled={isBusy}
              aria-label={t('deposits.withdrawFrom', { provider: name(row) })}
              onPress={() => withdraw(row.channelId)}
            >
              {t('deposits.withdraw')}
            </Button>
          </>
        ),
    },
  ];
}
