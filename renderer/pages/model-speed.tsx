/** Speed of a model on this machine, measured or else predicted, and the calibration that predictions are based on. */
import type { AgentState, ModelEntry } from '../../shared/api/state.ts';
import { useAction } from '../calls.ts';
import { writeExactTime, writeMeasured, writePercent } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Fact, Unknown } from '../parts/fact.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Progress } from '../parts/progress.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent } from '../store.ts';

export function SpeedText({ model }: { model: ModelEntry }) {
  const { t, language } = useStrings();
  const { measured, predicted } = model.speed;
  const write = (value: number) => t('models.tokensPerSecond', { speed: writeMeasured(value, language) });
  if (measured !== null) {
    return (
      <Fact about={t('models.measuredAt', { time: writeExactTime(measured.atMs, language) })}>
        {write(measured.decodeTokensPerSecond)}
      </Fact>
    );
  }
  if (predicted === null) return <Unknown about={t('models.noSpeed')} />;
  return (
    <Fact
      about={t('models.predictedFrom', {
        backend: predicted.backend,
        count: predicted.threads,
        time: writeExactTime(predicted.atMs, language),
      })}
    >
      {write(predicted.decodeTokensPerSecond)}
    </Fact>
  );
}

/** Measures the basis of the predictions when the owner starts it. */
export function Calibration({ calibration }: { calibration: AgentState['models']['calibration'] }) {
  const { t, language } = useStrings();
  const calibrate = useAction((_: null) => agent.benchmark.calibrate({}));
  const running = calibration.state === 'running';
  return (
    <Card
      title={t('models.predictions')}
      aside={
        <ActionButton isSmall isDisabled={running || calibrate.busy} onPress={() => calibrate.run(null)}>
          {t(
            running
              ? 'models.calibrating'
              : calibration.atMs === null
                ? 'models.calibrate'
                : 'models.calibrateAgain',
          )}
        </ActionButton>
      }
      isPadded
    >
      <p className="sm soft">{t('models.predictionsWhat')}</p>
      <ProblemNote problem={calibrate.problem} />
      {running ? (
        <Progress
          label={t('models.calibrating')}
          fraction={calibration.progress}
          text={calibration.progress === null ? '' : writePercent(calibration.progress * 100, language)}
        />
      ) : null}
      {calibration.state === 'failed' ? (
        <Note tone="error" role="status" title={t('models.calibrationFailed')}>
          {calibration.error ?? t('models.failedUnknown')}
        </Note>
      ) : null}
      {calibration.atMs === null ? null : (
        <p className="sm soft">
          {t('models.calibratedAt', { time: writeExactTime(calibration.atMs, language) })}
          {calibration.disturbed ? ` ${t('models.calibrationDisturbed')}` : null}
        </p>
      )}
    </Card>
  );
}
