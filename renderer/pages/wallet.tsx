/** Wallet page: balances, the address, sending, the backup, transfers, and claims and payouts. */
import { Button } from 'react-aria-components';
import { useAction, useAnswer } from '../calls.ts';
import { writeExactTime } from '../format.ts';
import { Amount, useAmountText } from '../parts/amount.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Empty } from '../parts/empty.tsx';
import { EntryList, isTransaction } from '../parts/entries.tsx';
import { Figure } from '../parts/fact.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { QrCode } from '../parts/qr.tsx';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';
import { Backup } from './wallet-backup.tsx';
import { Send } from './wallet-send.tsx';
import { Transactions } from './wallet-transactions.tsx';

export function Wallet() {
  const { t } = useStrings();
  const wallet = useSection('wallet');
  const refresh = useAction((_: null) => agent.wallet.refresh({}));
  return (
    <>
      <PageHead title={t('nav.wallet')} lead={t('wallet.lead', { network: wallet.networkName })}>
        <Button className="button" isDisabled={refresh.busy} onPress={() => refresh.run(null)}>
          {t('wallet.refresh')}
        </Button>
      </PageHead>
      <ProblemNote problem={refresh.problem} />
      {wallet.locked ? (
        <div className="note is-warning" role="status">
          <p className="note-title">{t('problem.keystore-locked.what')}</p>
          <p>
            {t('problem.keystore-locked.money')} {t('problem.keystore-locked.next')}
          </p>
        </div>
      ) : null}
      <BalanceFigures />
      <Receive />
      <Send />
      <Backup />
      <Transactions />
      <Settlements />
    </>
  );
}

function BalanceFigures() {
  const { t, language } = useStrings();
  const wallet = useSection('wallet');
  const money = useSection('money');
  const amountText = useAmountText();
  const about =
    wallet.balanceAtMs === null
      ? t('wallet.neverRead', { network: wallet.networkName })
      : t('wallet.readAt', {
          network: wallet.networkName,
          time: writeExactTime(wallet.balanceAtMs, language),
        });
  return (
    <section aria-label={t('wallet.balances')}>
      <dl className="figures">
        <Figure label={t('wallet.balance')} note={about}>
          <Amount baseUnits={wallet.tokenBalance} asset={money.asset} about={about} />
        </Figure>
        <Figure label={t('wallet.coin')} note={t('wallet.coinNote')}>
          <Amount baseUnits={wallet.coinBalance} asset={money.coin} about={about} />
        </Figure>
        <Figure
          label={t('home.waiting')}
          note={
            money.waitingReason === null ? (
              t('waiting.none')
            ) : (
              <>
                {t(`waiting.${money.waitingReason}`, {
                  threshold: amountText(money.settleThreshold, money.asset),
                })}{' '}
                <a href={hrefTo('earnings')}>{t('wallet.payOut')}</a>
              </>
            )
          }
        >
          <Amount baseUnits={money.owed} asset={money.asset} about={t('source.owed')} />
        </Figure>
      </dl>
    </section>
  );
}

function Receive() {
  const { t } = useStrings();
  const money = useSection('money');
  const { address, payoutAddress, feeAddress, networkName } = useSection('wallet');
  return (
    <section aria-labelledby="wallet-address">
      <h2 id="wallet-address">{t('wallet.address')}</h2>
      {address === null ? (
        <Empty title={t('wallet.noAddress')}>
          <p>{t('wallet.noAddressNext')}</p>
        </Empty>
      ) : (
        <div className="panel receive">
          <QrCode text={address} label={t('wallet.qr')} />
          <div className="receive-words">
            <p className="address">
              <code>{address}</code>
            </p>
            <p>
              <CopyButton text={address} label={t('wallet.address')} />
            </p>
            <p className={money.asset.practice ? 'practice-words' : 'soft'}>
              {t(money.asset.practice ? 'wallet.practiceOnly' : 'wallet.onlyNetwork', {
                network: networkName,
                symbol: money.asset.symbol,
              })}
            </p>
            {payoutAddress !== null && payoutAddress !== address ? (
              <p>
                {t('wallet.payoutElsewhere')} <code>{payoutAddress}</code>
              </p>
            ) : null}
            {feeAddress !== null ? (
              <p className="soft">
                {t('wallet.feeAddress', { coin: money.coin.symbol })} <code>{feeAddress}</code>{' '}
                <CopyButton text={feeAddress} label={t('wallet.feeAddress', { coin: money.coin.symbol })} />
              </p>
            ) : null}
          </div>
        </div>
      )}
    </section>
  );
}

/** Automatic on-chain transactions from the ledger: claims, payouts and their fees. */
function Settlements() {
  const { t } = useStrings();
  const { claimed, received, feesCoin } = useSection('money');
  const answer = useAnswer([claimed, received, feesCoin].join('|'), () =>
    agent.earnings.entries({ limit: 500 }),
  );
  const onChain = answer.data?.entries.filter((entry) => isTransaction(entry.reference)) ?? null;
  return (
    <section aria-labelledby="wallet-history">
      <h2 id="wallet-history">{t('wallet.history')}</h2>
      <ProblemNote problem={answer.problem} />
      {onChain?.length === 0 ? (
        <Empty title={t('wallet.noHistory')}>
          <p>{t('wallet.noHistoryNext')}</p>
        </Empty>
      ) : null}
      {onChain && onChain.length > 0 ? <EntryList entries={onChain} /> : null}
    </section>
  );
}
