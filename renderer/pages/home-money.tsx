/** Home: pending payout, this week’s earnings, available money, and the last hand-back. */
import { useAnswer } from '../calls.ts';
import { writeMoment } from '../format.ts';
import { Amount, useAmountText } from '../parts/amount.tsx';
import { usePayoutDay } from '../parts/forecast.ts';
import { Meter } from '../parts/meter.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { Spark } from '../parts/spark.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';
import { ShortTime } from './home-live.tsx';

const WEEK_DAYS = 7;
const REFRESH_MS = 5 * 60_000;

export function HomeMoney() {
  const { t } = useStrings();
  return (
    <Rows label={t('home.money')} isFilled>
      <Pending />
      <Week />
      <Available />
      <BackToYou />
    </Rows>
  );
}

function Pending() {
  const { t } = useStrings();
  const money = useSection('money');
  const exactText = useAmountText();
  const { asset, owed, settleThreshold, waitingReason } = money;
  const payoutDay = usePayoutDay();
  const threshold = exactText(settleThreshold, { ...asset, practice: false });
  const share = Number(owed) / Math.max(1, Number(settleThreshold));
  return (
    <Row
      href={hrefTo('earnings')}
      title={t('home.waiting')}
      note={[
        t(`pending.${waitingReason ?? 'none'}`, { threshold }),
        payoutDay === null ? null : t('payout.about', { day: payoutDay }),
      ]
        .filter(Boolean)
        .join(', ')}
      end={<Amount baseUnits={owed} asset={asset} isPlain />}
      exact={exactText(owed, asset)}
    >
      <Meter parts={[{ share }]} isPractice={asset.practice} />
    </Row>
  );
}

function Week() {
  const { t } = useStrings();
  const { asset, earnedThisWeek } = useSection('money');
  const exactText = useAmountText();
  const nowMs = useNow(REFRESH_MS);
  const key = `week ${String(Math.floor(nowMs / REFRESH_MS))}`;
  const { data } = useAnswer(key, () => agent.earnings.byDay({ days: WEEK_DAYS }));
  const values = (data?.days ?? []).map(({ earned }) => Number(earned));
  return (
    <Row
      href={hrefTo('earnings')}
      title={t('home.week')}
      end={<Amount baseUnits={earnedThisWeek} asset={asset} isPlain />}
      exact={exactText(earnedThisWeek, asset)}
    >
      <span className="row-spark">
        <Spark values={values} kind={asset.practice ? 'warm' : 'plain'} />
      </span>
    </Row>
  );
}

function Available() {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const { tokenBalance } = useSection('wallet');
  const exactText = useAmountText();
  return (
    <Row
      href={hrefTo('wallet')}
      title={t('home.available')}
      note={t(asset.practice ? 'home.inPracticeWallet' : 'home.inWallet')}
      end={<Amount baseUnits={tokenBalance} asset={asset} isPlain />}
      exact={tokenBalance === null ? null : exactText(tokenBalance, asset)}
    />
  );
}

/** Measured from the decision to pause until the engine had stopped computing and all its memory was free. */
function BackToYou() {
  const { t, language } = useStrings();
  const { handBacks } = useSection('work');
  const nowMs = useNow(60_000);
  const last = handBacks[0];
  return (
    <Row
      href={hrefTo('machine')}
      title={t('home.givenBack')}
      note={
        last
          ? t('home.givenBackAt', { time: writeMoment(last.atMs, nowMs, language) })
          : t('home.neverGivenBack')
      }
      end={
        last ? (
          <b>
            <ShortTime ms={last.durationMs} />
          </b>
        ) : null
      }
      exact={last ? t('home.toFree') : null}
    />
  );
}
