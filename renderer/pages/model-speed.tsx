/** Speed of the models on this machine: measured or predicted, clearly labeled, and the calibration of predictions. */
import { Button } from 'react-aria-components';
import type { AgentState, ModelEntry } from '../../shared/api/state.ts';
import { useAction } from '../calls.ts';
import { writeExactTime, writeMeasured, writeNumber, writePercent } from '../format.ts';
import { Fact } from '../parts/fact.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Progress } from '../parts/progress.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent } from '../store.ts';

/** Shows the measured speed, or else the predicted one, and how far off the prediction was. Unknown parts are left out. */
export function ModelSpeed({ model }: { model: ModelEntry }) {
  const { t, language } = useStrings();
  const { measured, predicted, score } = model.speed;
  const write = (value: number) => writeMeasured(value, language);
  return (
    <ul className="card-facts">
      {measured === null ? null : (
        <li>
          <span className="tag is-good">{t('models.measured')}</span>{' '}
          <Fact about={t('models.measuredAt', { time: writeExactTime(measured.atMs, language) })}>
            {t('models.tokensPerSecond', { speed: write(measured.decodeTokensPerSecond) })}
          </Fact>
        </li>
      )}
      {measured !== null || predicted === null ? null : (
        <li>
          <span className="tag">{t('models.predicted')}</span>{' '}
          <Fact
            about={t('models.predictedFrom', {
              backend: predicted.backend,
              count: predicted.threads,
              time: writeExactTime(predicted.atMs, language),
            })}
          >
            {t('models.tokensPerSecond', { speed: write(predicted.decodeTokensPerSecond) })}
          </Fact>{' '}
          {predicted.uncertaintyPercent === null
            ? t('models.uncertaintyUnknown')
            : t('models.uncertainty', { percent: writeNumber(predicted.uncertaintyPercent, language) })}
        </li>
      )}
      {score === null ? null : (
        <li>
          {t('models.score', {
            predicted: write(score.predictedTokensPerSecond),
            measured: write(score.measuredTokensPerSecond),
            percent: writeMeasured(score.errorPercent, language),
          })}
        </li>
      )}
    </ul>
  );
}

/** Measures the basis of the predictions when the owner starts it. */
export function Calibration({ calibration }: { calibration: AgentState['models']['calibration'] }) {
  const { t, language } = useStrings();
  const calibrate = useAction((_: null) => agent.benchmark.calibrate({}));
  const running = calibration.state === 'running';
  return (
    <section aria-labelledby="models-calibration">
      <div className="section-head">
        <h2 id="models-calibration">{t('models.predictions')}</h2>
        <Button className="button" isDisabled={running || calibrate.busy} onPress={() => calibrate.run(null)}>
          {t(
            running
              ? 'models.calibrating'
              : calibration.atMs === null
                ? 'models.calibrate'
                : 'models.calibrateAgain',
          )}
        </Button>
      </div>
      <p className="soft">{t('models.predictionsWhat')}</p>
      <ProblemNote problem={calibrate.problem} />
      {running ? (
        <div className="panel">
          <Progress
            label={t('models.calibrating')}
            fraction={calibration.progress}
            text={calibration.progress === null ? '' : writePercent(calibration.progress * 100, language)}
          />
        </div>
      ) : null}
      {calibration.state === 'failed' ? (
        <div className="note is-error" role="status">
          <p className="note-title">{t('models.calibrationFailed')}</p>
          <p>{calibration.error ?? t('models.failedUnknown')}</p>
        </div>
      ) : null}
      {calibration.atMs === null ? null : (
        <p className="soft">
          {t('models.calibratedAt', { time: writeExactTime(calibration.atMs, language) })}
          {calibration.disturbed ? ` ${t('models.calibrationDisturbed')}` : null}
        </p>
      )}
    </section>
  );
}
