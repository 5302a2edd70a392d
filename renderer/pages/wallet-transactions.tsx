/** The owner's transfers with their state on the chain. Pending ones can be sped up or canceled; failed ones show why. */
import { useState } from 'react';
import { Button } from 'react-aria-components';
import type { WalletTransaction } from '../../shared/api/wallet.ts';
import { useAction, useAnswer } from '../calls.ts';
import { shorten, writeExactTime } from '../format.ts';
import { Amount } from '../parts/amount.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Empty } from '../parts/empty.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

/** While a transfer is pending, the list is queried this often. */
const PENDING_REFRESH_MS = 3_000;

export function Transactions() {
  const { t } = useStrings();
  const { balanceAtMs, tokenBalance, coinBalance } = useSection('wallet');
  const [pending, setPending] = useState(false);
  const nowMs = useNow(PENDING_REFRESH_MS);
  const key = [balanceAtMs, tokenBalance, coinBalance, pending ? nowMs : ''].join('|');
  const answer = useAnswer(key, async () => {
    const { transactions } = await agent.wallet.history({ limit: 100 });
    setPending(transactions.some(({ state }) => state === 'pending'));
    return transactions;
  });
  return (
    <section aria-labelledby="wallet-sent">
      <h2 id="wallet-sent">{t('sent.title')}</h2>
      <ProblemNote problem={answer.problem} />
      {answer.data?.length === 0 ? (
        <Empty title={t('sent.none')}>
          <p>{t('sent.noneNext')}</p>
        </Empty>
      ) : null}
      {answer.data && answer.data.length > 0 ? (
        <ul className="rows sent">
          {answer.data.map((transaction) => (
            <Row key={transaction.hash} transaction={transaction} onChanged={answer.reload} />
          ))}
        </ul>
      ) : null}
    </section>
  );
}

function Row({ transaction, onChanged }: { transaction: WalletTransaction; onChanged: () => void }) {
  const { t, language } = useStrings();
  const { asset: token, coin } = useSection('money');
  const asset = transaction.asset === 'token' ? token : coin;
  return (
    <li className="sent-row">
      <div className="sent-line">
        <TransferState state={transaction.state} />
        <span className="row-title">
          {transaction.cancels ? t('sent.cancellation') : t('sent.to')}{' '}
          {transaction.cancels ? null : <code title={transaction.to}>{shorten(transaction.to)}</code>}
        </span>
        <time className="row-note" dateTime={new Date(transaction.sentAtMs).toISOString()}>
          {writeExactTime(transaction.sentAtMs, language)}
        </time>
        {transaction.cancels ? null : (
          <span className={transaction.state === 'failed' ? 'row-number is-failed' : 'row-number'}>
            <Amount baseUnits={transaction.amount} asset={asset} isPlain />
          </span>
        )}
      </div>
      {transaction.state === 'mined' || transaction.state === 'pending' ? null : (
        <p className="sent-reason">
          {t(`sent.meaning.${transaction.state}`)}
          {transaction.state === 'failed' && transaction.reason !== null
            ? ` ${t('problem.said', { message: transaction.reason })}`
            : null}
        </p>
      )}
      <p className="soft sent-facts">
        {transaction.fee === null ? t('sent.feeAtMost') : t('sent.feePaid')}{' '}
        <Amount baseUnits={transaction.fee ?? transaction.feeMax} asset={coin} isPlain />
        {' · '}
        {t('entry.transaction')} <code title={transaction.hash}>{shorten(transaction.hash, 10, 8)}</code>{' '}
        <CopyButton text={transaction.hash} label={t('entry.transaction')} />
      </p>
      {transaction.state === 'pending' ? <Replace transaction={transaction} onChanged={onChanged} /> : null}
    </li>
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
        <Button
          className="button is-small"
          isDisabled={replace.busy}
          onPress={() => replace.run('speed-up')}
          aria-label={`${t('sent.speedUp')}: ${shorten(hash)}`}
        >
          {t('sent.speedUp')}
        </Button>
        {transaction.cancels ? null : (
          <Button
            className="button is-small"
            isDisabled={replace.busy}
            onPress={() => replace.run('cancel')}
            aria-label={`${t('sent.cancel')}: ${shorten(hash)}`}
          >
            {t('sent.cancel')}
          </Button>
        )}
        <span className="soft" role="status">
          {replace.busy
            ? t(host === 'desktop' ? 'send.confirmDesktop' : 'send.confirmTerminal')
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
  const kind = state === 'mined' ? 'good' : state === 'pending' ? 'open' : 'bad';
  return <StateMark kind={kind}>{t(`sent.state.${state}`)}</StateMark>;
}
