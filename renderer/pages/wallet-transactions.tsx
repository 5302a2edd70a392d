/** The owner's transfers with their state on the chain. Pending ones can be sped up or canceled; failed ones show why. */

import { useState } from 'react';
import type { WalletTransaction } from '../../shared/api/wallet.ts';
import { type Answer, useAction, useAnswer } from '../calls.ts';
import { COMMAND } from '../command.ts';
import { shorten, writeExactTime } from '../format.ts';
import { Amount } from '../parts/amount.tsx';
import { ActionButton } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Fact } from '../parts/fact.tsx';
import { Icon } from '../parts/icon.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { Tag } from '../parts/tag.tsx';
import { agent, useSection } from '../store.ts';

/** While a transfer is pending, the list is queried this often. */
const PENDING_REFRESH_MS = 3_000;

/** The owner's transfers; queried again while one of them is pending. */
export function useTransfers(): Answer<readonly WalletTransaction[]> {
  const { balanceAtMs, tokenBalance, coinBalance } = useSection('wallet');
  const [pending, setPending] = useState(false);
  const nowMs = useNow(PENDING_REFRESH_MS);
  const key = [balanceAtMs, tokenBalance, coinBalance, pending ? nowMs : ''].join('|');
  return useAnswer(key, async () => {
    const { transactions } = await agent.wallet.history({ limit: 100 });
    setPending(transactions.some(({ state }) => state === 'pending'));
    return transactions;
  });
}

export function TransferRow(props: { transaction: WalletTransaction; onChanged: () => void }) {
  const { transaction, onChanged } = props;
  const { t, language } = useStrings();
  const { asset: token, coin } = useSection('money');
  const asset = transaction.asset === 'token' ? token : coin;
  return (
    <div className="sent-row">
      <div className="row-line">
        <Icon name="out" />
        <span className="grow">
          {transaction.cancels ? t('sent.cancellation') : t('sent.to')}{' '}
          {transaction.cancels ? null : (
            <Fact about={transaction.to}>
              <code>{shorten(transaction.to)}</code>
            </Fact>
          )}
          <span className="sm">
            <time dateTime={new Date(transaction.sentAtMs).toISOString()}>
              {writeExactTime(transaction.sentAtMs, language)}
            </time>{' '}
            <TransferState state={transaction.state} />
          </span>
        </span>
        <span className={transaction.state === 'failed' ? 'end is-struck' : 'end'}>
          {transaction.cancels ? null : <Amount baseUnits={transaction.amount} asset={asset} isPlain />}
        </span>
      </div>
      <div className="sent-more">
        {transaction.state === 'mined' || transaction.state === 'pending' ? null : (
          <p>
            {t(`sent.meaning.${transaction.state}`)}
            {transaction.state === 'failed' && transaction.reason !== null
              ? ` ${t('problem.said', { message: transaction.reason })}`
              : null}
          </p>
        )}
        <p className="soft">
          {transaction.fee === null ? t('sent.feeAtMost') : t('sent.feePaid')}{' '}
          <Amount baseUnits={transaction.fee ?? transaction.feeMax} asset={coin} isPlain isExact />
        </p>
        <p className="soft identifier">
          {t('entry.transaction')}{' '}
          <Fact about={transaction.hash}>
            <code>{shorten(transaction.hash)}</code>
          </Fact>
          <CopyButton text={transaction.hash} label={t('entry.transaction')} isIcon />
        </p>
        {transaction.state === 'pending' ? <Replace transaction={transaction} onChanged={onChanged} /> : null}
      </div>
    </div>
  );
}

function Replace({ transaction, onChanged }: { transaction: WalletTransaction; onChanged: () => void }) {
  const { t } = useStrings();
  const { host } = useSection('app');
  const { hash } = transaction;
  const replace = useAction(async (how: 'speed-up' | 'cancel') => {
    await (how === 'cancel' ? agent.wallet.cancel({ hash }) : agent.wallet.speedUp({ hash }));
    onChanged();
  });
  return (
    <>
      <p className="button-row">
        <ActionButton
          isSmall
          isDisabled={replace.busy}
          onPress={() => replace.run('speed-up')}
          label={`${t('sent.speedUp')}: ${shorten(hash)}`}
        >
          {t('sent.speedUp')}
        </ActionButton>
        {transaction.cancels ? null : (
          <ActionButton
            isSmall
            isDisabled={replace.busy}
            onPress={() => replace.run('cancel')}
            label={`${t('sent.cancel')}: ${shorten(hash)}`}
          >
            {t('sent.cancel')}
          </ActionButton>
        )}
        <span className="soft" role="status">
          {replace.busy
            ? host === 'desktop'
              ? t('send.confirmDesktop')
              : t('send.confirmTerminal', { command: COMMAND })
            : t('send.asksAgain')}
        </span>
      </p>
      {replace.problem?.code === 'not-permitted' ? (
        <p className="soft" role="alert">
          {t('sent.unchanged')}
        </p>
      ) : (
        <ProblemNote problem={replace.problem} />
      )}
    </>
  );
}

function TransferState({ state }: { state: WalletTransaction['state'] }) {
  const { t } = useStrings();
  const look =
    state === 'mined'
      ? ({ tone: 'good', icon: 'check' } as const)
      : state === 'pending'
        ? ({ tone: 'wait', icon: 'clock' } as const)
        : ({ tone: 'bad', icon: 'cross' } as const);
  return <Tag {...look}>{t(`sent.state.${state}`)}</Tag>;
}
