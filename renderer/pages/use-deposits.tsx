/** Page "Buy inference": deposits with providers, and the two ways to take each of them back. */

import { useEffect } from 'react';
import type { BoughtChannel } from '../../shared/api/channels.ts';
import { useAction, useAnswer } from '../calls.ts';
import { shorten, writeExactTime } from '../format.ts';
import { Amount } from '../parts/amount.tsx';
import { ActionButton } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Fact } from '../parts/fact.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import { type Column, Table } from '../parts/table.tsx';
import { agent, useSection } from '../store.ts';

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
  const isEmpty = data !== null && data.channels.length === 0;
  return (
    <Card title={t('deposits.title')}>
      <p className="use-why sm soft">{t(isEmpty ? 'deposits.none' : 'deposits.note')}</p>
      <ProblemNote problem={problem ?? refund.problem ?? withdraw.problem} />
      {data === null || isEmpty ? null : (
        <Table
          label={t('deposits.title')}
          columns={columns}
          rows={data.channels}
          rowKey={(row) => row.channelId}
        />
      )}
    </Card>
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
    {
      key: 'peer',
      head: t('deposits.provider'),
      fold: 1,
      cell: (row) => (
        <Fact about={row.peer}>
          <code>{name(row)}</code>
        </Fact>
      ),
    },
    {
      key: 'left',
      head: t('deposits.left'),
      isNumber: true,
      fold: 2,
      cell: (row) => <Amount baseUnits={row.left} asset={asset} />,
    },
    {
      key: 'acts',
      head: t('deposits.takeBack'),
      fold: 3,
      cell: (row) =>
        row.withdrawalReadyAtMs !== null ? (
          t('deposits.readyAt', { time: writeExactTime(row.withdrawalReadyAtMs, language) })
        ) : (
          <>
            <ActionButton
              isSmall
              isDisabled={isBusy}
              label={t('deposits.refundFrom', { provider: name(row) })}
              onPress={() => refund(row.channelId)}
            >
              {t('deposits.refund')}
            </ActionButton>{' '}
            <ActionButton
              isSmall
              isDisabled={isBusy}
              label={t('deposits.withdrawFrom', { provider: name(row) })}
              onPress={() => withdraw(row.channelId)}
            >
              {t('deposits.withdraw')}
            </ActionButton>
          </>
        ),
    },
  ];
}
