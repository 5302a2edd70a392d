/** Wallet page: what is available, the address, sending, the backup, and every transfer, claim and payout. */

import { useState } from 'react';
import { useAction } from '../calls.ts';
import { shorten, writeExactTime, writeMoment } from '../format.ts';
import { Amount, ExactAmount, useAmountText, useMoneyText, useRateText } from '../parts/amount.tsx';
import { ActionButton } from '../parts/button.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Empty } from '../parts/empty.tsx';
import { Fact } from '../parts/fact.tsx';
import { usePayoutDay } from '../parts/forecast.ts';
import { Icon } from '../parts/icon.tsx';
import { Meter } from '../parts/meter.tsx';
import { Note } from '../parts/note.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { QrCode } from '../parts/qr.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';
import { Activity } from './wallet-activity.tsx';
import { Backup } from './wallet-backup.tsx';
import { Send } from './wallet-send.tsx';

export function Wallet() {
  const { t, language } = useStrings();
  const wallet = useSection('wallet');
  const nowMs = useNow(30_000);
  const [isSending, setSending] = useState(false);
  const refresh = useAction((_: null) => agent.wallet.refresh({}));
  const isWatched = wallet.kind === 'watch-only';
  return (
    <>
      <PageHead title={t('nav.wallet')}>
        <ActionButton
          kind="quiet"
          isSmall
          icon="refresh"
          isDisabled={refresh.busy}
          label={t('wallet.refresh')}
          onPress={() => refresh.run(null)}
        >
          {wallet.balanceAtMs === null
            ? t('wallet.refresh')
            : t('wallet.checked', { time: writeMoment(wallet.balanceAtMs, nowMs, language) })}
        </ActionButton>
      </PageHead>
      <ProblemNote problem={refresh.problem} />
      {wallet.locked ? (
        <Note tone="warning" role="status" title={t('problem.keystore-locked.what')}>
          {t('problem.keystore-locked.money')} {t('problem.keystore-locked.next')}
        </Note>
      ) : null}
      <Columns kind="wide">
        <Available isSending={isSending} onSend={() => setSending(!isSending)} />
        <Address />
      </Columns>
      {isSending || isWatched ? <Send onDone={() => setSending(false)} /> : null}
      <Columns>
        <Backup />
        <CoinNote />
      </Columns>
      <Activity />
    </>
  );
}

function Available({ isSending, onSend }: { isSending: boolean; onSend: () => void }) {
  const { t, language } = useStrings();
  const wallet = useSection('wallet');
  const money = useSection('money');
  const rateText = useRateText();
  const about =
    wallet.balanceAtMs === null
      ? t('wallet.neverRead', { network: wallet.networkName })
      : t('wallet.readAt', {
          network: wallet.networkName,
          time: writeExactTime(wallet.balanceAtMs, language),
        });
  return (
    <Card label={t('wallet.balances')} isPadded className="wallet-hero">
      <p className="label">{t('wallet.available')}</p>
      <p className="earnings-hero">
        {wallet.tokenBalance === null ? (
          <span className="hero-num">{t('common.unknown')}</span>
        ) : (
          <Amount baseUnits={wallet.tokenBalance} asset={money.asset} size="hero" about={about} />
        )}
      </p>
      <p className="sm soft">
        {wallet.tokenBalance === null ? (
          about
        ) : (
          <ExactAmount baseUnits={wallet.tokenBalance} asset={money.asset} />
        )}
        {' · '}
        {wallet.networkName}
        {rateText && !money.asset.practice ? ` · ${rateText}` : null}
      </p>
      <Pending />
      <p className="wallet-actions">
        {wallet.address === null || wallet.kind === 'watch-only' ? null : (
          <ActionButton kind={isSending ? 'plain' : 'primary'} icon="out" onPress={onSend}>
            {t(isSending ? 'wallet.closeSend' : 'send.title')}
          </ActionButton>
        )}
        {wallet.address === null ? null : (
          <CopyButton text={wallet.address} label={t('wallet.address')}>
            {t('wallet.receive')}
          </CopyButton>
        )}
      </p>
    </Card>
  );
}

/** Compares the pending payout with the amount at which it is paid out. */
function Pending() {
  const { t } = useStrings();
  const money = useSection('money');
  const moneyText = useMoneyText();
  const pending = BigInt(money.owed) + BigInt(money.claimed);
  const threshold = BigInt(money.settleThreshold);
  const payoutDay = usePayoutDay();
  const reason =
    money.waitingReason === null
      ? t('waiting.none')
      : t(`waiting.${money.waitingReason}`, { threshold: moneyText(money.settleThreshold, money.asset) });
  return (
    <div className="wallet-pending">
      <p className="sm">
        {t('earnings.owed')}{' '}
        <Amount baseUnits={pending.toString()} asset={money.asset} about={t('source.owed')} />
        <a className="wallet-payout" href={hrefTo('earnings')}>
          {t('payout.button')}
        </a>
      </p>
      <Meter
        parts={[{ share: threshold === 0n ? 0 : Number(pending) / Number(threshold) }]}
        isPractice={money.asset.practice}
      />
      <p className="wallet-reason sm soft">
        <span>{reason}</span>
        {payoutDay === null ? null : <span>{t('payout.about', { day: payoutDay })}</span>}
      </p>
    </div>
  );
}

function Address() {
  const { t } = useStrings();
  const money = useSection('money');
  const { address, payoutAddress, networkName } = useSection('wallet');
  if (address === null) {
    return (
      <Card title={t('wallet.address')}>
        <Empty title={t('wallet.noAddress')}>
          <p>{t('wallet.noAddressNext')}</p>
        </Empty>
      </Card>
    );
  }
  return (
    <Card label={t('wallet.address')} isPadded className="wallet-address">
      <h2>{t('wallet.address')}</h2>
      <QrCode text={address} label={t('wallet.qr')} />
      <p>
        <code className="wallet-code">{address}</code>
      </p>
      <CopyButton text={address} label={t('wallet.address')} />
      <p className={money.asset.practice ? 'sm is-practice' : 'sm soft'}>
        {t(money.asset.practice ? 'wallet.practiceOnly' : 'wallet.onlyNetwork', {
          network: networkName,
          symbol: money.asset.symbol,
        })}
      </p>
      {payoutAddress !== null && payoutAddress !== address ? (
        <p className="sm">
          {t('wallet.payoutElsewhere')} <code className="wallet-code">{payoutAddress}</code>
        </p>
      ) : null}
    </Card>
  );
}

/** The coin that pays fees, where it lies, and for how many payouts it is enough. */
function CoinNote() {
  const { t, language } = useStrings();
  const { coin, payoutFee } = useSection('money');
  const { coinBalance, feeAddress } = useSection('wallet');
  const amountText = useAmountText();
  const payouts =
    coinBalance === null || payoutFee === null || payoutFee === '0'
      ? null
      : Number(BigInt(coinBalance) / BigInt(payoutFee));
  return (
    <div className="note">
      <Icon name="bolt" />
      <div className="note-text">
        <p className="note-title">
          {coinBalance === null
            ? t('wallet.coinUnknown', { coin: coin.symbol })
            : t('wallet.coinHeld', { amount: amountText(coinBalance, coin) })}
        </p>
        <p>
          {payouts === null
            ? t('wallet.coinNote')
            : t('wallet.enough', {
                count: payouts,
                written: new Intl.NumberFormat(language, { maximumSignificantDigits: 2 }).format(payouts),
              })}
        </p>
        {feeAddress === null ? null : (
          <p className="soft identifier">
            {t('wallet.feeAddress', { coin: coin.symbol })}{' '}
            <Fact about={feeAddress}>
              <code>{shorten(feeAddress)}</code>
            </Fact>
            <CopyButton text={feeAddress} label={t('wallet.feeAddress', { coin: coin.symbol })} isIcon />
          </p>
        )}
      </div>
    </div>
  );
}
