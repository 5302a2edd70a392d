/** Shows earned money as paid out, pending with the reason, and spent on fees; with the payout on demand. */
import { useAction, useAnswer } from '../calls.ts';
import { shorten } from '../format.ts';
import { Amount, useAmountText, useMoneyText, useUnitName } from '../parts/amount.tsx';
import { buttonClass } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { CopyBlock } from '../parts/copy.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

export function WhereItIs({ moneyKey }: { moneyKey: string }) {
  const { t } = useStrings();
  const money = useSection('money');
  const amountText = useAmountText();
  const settle = useAction((_: null) => agent.earnings.settle({}));
  const answer = useAnswer(moneyKey, () => agent.earnings.receivables({}));
  const pending = (BigInt(money.owed) + BigInt(money.claimed)).toString();
  return (
    <Card title={t('earnings.where')} aside={<PayOut settle={settle} pending={pending} />}>
      <Rows>
        <Row
          title={t('earnings.received')}
          note={t('earnings.receivedNote')}
          end={<Amount baseUnits={money.received} asset={money.asset} />}
          exact={amountText(money.received, money.asset)}
        />
        <Row
          title={t('earnings.owed')}
          note={<WaitingReason />}
          end={<Amount baseUnits={pending} asset={money.asset} />}
          exact={amountText(pending, money.asset)}
        />
        {(answer.data?.receivables ?? []).map((row) => (
          <Row
            key={row.channelId}
            title={<span className="soft">{t('earnings.fromPayer', { payer: shorten(row.payer) })}</span>}
            note={<Reason reason={row.reason} />}
            exact={amountText(row.owed, money.asset)}
          />
        ))}
        <Row
          title={t('earnings.feesTotal')}
          note={t('earnings.feesNote')}
          exact={amountText(money.feesCoin, money.coin)}
        />
      </Rows>
      <ProblemNote problem={settle.problem ?? answer.problem} />
      {settle.result ? (
        <Note
          tone="info"
          role="status"
          title={t('payout.done', { amount: amountText(settle.result.received, money.asset) })}
        >
          {settle.result.claimTx ? (
            <CopyBlock label={t('payout.claimTx')} text={settle.result.claimTx} />
          ) : null}
          {settle.result.settleTx ? (
            <CopyBlock label={t('payout.settleTx')} text={settle.result.settleTx} />
          ) : null}
        </Note>
      ) : null}
    </Card>
  );
}

function WaitingReason() {
  const { t } = useStrings();
  const { waitingReason } = useSection('money');
  return waitingReason === null ? t('payout.nothing') : <Reason reason={waitingReason} />;
}

function Reason({ reason }: { reason: NonNullable<ReturnType<typeof useReason>> }) {
  const { t } = useStrings();
  const { asset, settleThreshold } = useSection('money');
  const moneyText = useMoneyText();
  return t(`waiting.${reason}`, { threshold: moneyText(settleThreshold, asset) });
}

function useReason() {
  return useSection('money').waitingReason;
}

type Settle = ReturnType<typeof useAction<null, Awaited<ReturnType<typeof agent.earnings.settle>>>>;

/** Disabled while there is nothing to pay out. */
export function PayOut({ settle, pending }: { settle: Settle; pending: string }) {
  const { t } = useStrings();
  const money = useSection('money');
  const wallet = useSection('wallet');
  const amountText = useAmountText();
  const unitName = useUnitName();
  const { networkFeeMax } = useSection('settings');
  const sum = amountText(pending, money.asset);
  return (
    <Confirm
      className={buttonClass({ isSmall: true })}
      button={settle.busy ? t('payout.busy') : t('payout.button')}
      isDisabled={settle.busy || pending === '0' || wallet.address === null}
      title={t('payout.title', { amount: sum })}
      act={t('payout.act', { amount: sum })}
      onAct={() => settle.run(null)}
    >
      <p>
        {t('payout.text', {
          amount: sum,
          address: wallet.address === null ? t('common.unknown') : shorten(wallet.address),
          network: wallet.networkName,
          coin: unitName(money.coin),
        })}
      </p>
      <p>
        {money.payoutFee === null
          ? t('payout.feeUnknown', { limit: amountText(networkFeeMax, money.coin) })
          : t('payout.fee', {
              fee: amountText(money.payoutFee, money.coin),
              limit: amountText(networkFeeMax, money.coin),
            })}
      </p>
      {BigInt(money.owed) < BigInt(money.settleThreshold) ? (
        <p>{t('payout.early', { threshold: amountText(money.settleThreshold, money.asset) })}</p>
      ) : null}
    </Confirm>
  );
}
