/** One model of the Models page: what it is, how well it suits this machine, its speed and income, and what to do. */
import { Switch } from 'react-aria-components/Switch';
import type { ModelEntry } from '../../shared/api/state.ts';
import { useAction } from '../calls.ts';
import { secondsLeft, writeBytes, writeDuration, writeNumber } from '../format.ts';
import { useIsFree, useMoneyText } from '../parts/amount.tsx';
import { ActionButton, buttonClass } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Fact } from '../parts/fact.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Progress } from '../parts/progress.tsx';
import { useStrings } from '../parts/strings.ts';
import { Tag } from '../parts/tag.tsx';
import { agent, useSection } from '../store.ts';
import { FITS } from './model-fit.ts';
import { SpeedText } from './model-speed.tsx';

/** Of a day, from the worst to the best. */
export interface Income {
  readonly low: string;
  readonly high: string;
}

/** From the worst to the best day; unknown without a speed. */
export function IncomeText({ income }: { income: Income | null }) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const moneyText = useMoneyText();
  if (income === null) return <span className="unknown">{t('common.unknown')}</span>;
  return (
    <span className={asset.practice ? 'money is-practice' : 'money'}>
      <span className="amount">
        {t('models.range', { low: moneyText(income.low, asset), high: moneyText(income.high, asset) })}
      </span>
      {asset.practice ? <span className="for-readers"> {t('money.practice')}</span> : null}
    </span>
  );
}

export function ModelRow({ model, income }: { model: ModelEntry; income: Income | null }) {
  const { t, language } = useStrings();
  const { measured, predicted } = model.speed;
  const isFree = useIsFree();
  const hasSpeed = measured !== null || predicted !== null;
  const isLoaded = useSection('work').loaded.some(
    (each) => each.model === model.id && each.state === 'ready',
  );
  const how =
    measured !== null
      ? t('models.measured')
      : predicted === null
        ? null
        : predicted.uncertaintyPercent === null
          ? t('models.predicted')
          : t('models.predictedWithin', { percent: writeNumber(predicted.uncertaintyPercent, language) });
  const size = model.sizeBytes === null ? t('models.unknownSize') : writeBytes(model.sizeBytes, language);
  const uses = model.strengths.map((strength) => t(`models.strength.${strength}`));
  const note = [
    model.own ? t('models.ownFile') : model.publisher,
    model.link === null ? null : t('models.byLink.added'),
    model.further ? t(isLoaded ? 'models.further.loaded' : 'models.further.onDemand') : null,
    model.use === 'text' ? t('models.use.text') : uses.join(', '),
    model.activeParameters === null ? null : t('models.active', { count: model.activeParameters }),
    size,
    model.license,
    how,
  ].filter(Boolean);
  return (
    <li className="models-row">
      <div className="row-line model">
        <span className="grow">
          <b>{model.name}</b>
          <span className="sm">{note.join(' · ')}</span>
          <span className="sm">
            <Suits model={model} />
          </span>
        </span>
        <span>
          <Fact about={t(`models.fitMeaning.${model.fit}`)}>
            <Tag {...FITS[model.fit]}>{t(`models.fit.${model.fit}`)}</Tag>
          </Fact>
        </span>
        <span className="end sm">
          {hasSpeed ? (
            <SpeedText model={model} />
          ) : (
            <Fact about={t('models.noSpeed')}>
              <span className="unknown">{t('models.speedUnknown')}</span>
            </Fact>
          )}
        </span>
        {/* Without a speed, the income is unknown, too. */}
        <span className="end sm">{hasSpeed && !isFree ? <IncomeText income={income} /> : null}</span>
        <ModelActions model={model} />
      </div>
      <Download model={model} />
    </li>
  );
}

/** Names the uses for which it is the best here, or else how well it suits. */
export function Suits({ model }: { model: ModelEntry }) {
  const { t } = useStrings();
  const best = model.bestFor.map((strength) =>
    t(strength === 'chat' ? 'models.suits.best' : `models.bestFor.${strength}`),
  );
  return best.length === 0 ? t(`models.suits.${model.suits}`) : best.join(' · ');
}

export function Download({ model }: { model: ModelEntry }) {
  const { t, language } = useStrings();
  if (model.state === 'failed') {
    return (
      <div className="models-more">
        <Note tone="error" role="status" title={t('models.failed')}>
          {model.error ?? t('models.failedUnknown')} {t('models.failedMoney')}
        </Note>
      </div>
    );
  }
  if (model.state === 'verifying') {
    return (
      <div className="models-more">
        <Progress label={t('models.verifying')} fraction={null} text={t('models.verifying')} />
      </div>
    );
  }
  if (model.state !== 'downloading' || !model.progress) return null;
  const { progress } = model;
  const left = secondsLeft(progress);
  const texts = [
    progress.totalBytes === null
      ? writeBytes(progress.receivedBytes, language)
      : t('models.received', {
          received: writeBytes(progress.receivedBytes, language),
          total: writeBytes(progress.totalBytes, language),
        }),
    progress.bytesPerSecond === null
      ? t('models.speedUnknown')
      : t('models.speed', { speed: writeBytes(progress.bytesPerSecond, language) }),
    left === null
      ? t('models.leftUnknown')
      : t('models.left', { time: writeDuration(left * 1000, language) }),
    t('models.from', { source: progress.source }),
  ];
  return (
    <div className="models-more">
      <Progress
        label={t('models.downloading', { model: model.name })}
        fraction={progress.totalBytes ? progress.receivedBytes / progress.totalBytes : null}
        text={texts.join(' · ')}
      />
    </div>
  );
}

/** Serves a model alongside the main one, which is loaded when a job needs it. */
function AlsoServe({ model }: { model: ModelEntry }) {
  const { t } = useStrings();
  const serve = useAction((isOn: boolean) => agent.models.serveFurther({ id: model.id, isOn }));
  return (
    <>
      <Switch
        className="switch-line models-also"
        aria-label={t('models.alsoServeLabel', { model: model.name })}
        isSelected={model.further}
        isDisabled={serve.busy}
        onChange={(isOn) => serve.run(isOn)}
      >
        <span className="sm">{t('models.alsoServe')}</span>
        <span className="switch" aria-hidden="true" />
      </Switch>
      <ProblemNote problem={serve.problem} />
    </>
  );
}

function ModelActions({ model }: { model: ModelEntry }) {
  const { t, language } = useStrings();
  const download = useAction((id: string) => agent.models.download({ id }));
  const cancel = useAction((id: string) => agent.models.cancel({ id }));
  const remove = useAction((id: string) => agent.models.remove({ id }));
  const activate = useAction((id: string) => agent.models.activate({ id }));
  const size = model.sizeBytes === null ? t('models.unknownSize') : writeBytes(model.sizeBytes, language);
  const inProgress = model.state === 'downloading' || model.state === 'verifying';
  const isMissing = model.state === 'absent' || model.state === 'failed';
  return (
    <span className="models-actions">
      {model.state === 'ready' || model.further ? <AlsoServe model={model} /> : null}
      {model.state === 'ready' || (model.own && isMissing) ? (
        <ActionButton
          isSmall
          isDisabled={activate.busy}
          label={t('models.activateLabel', { model: model.name })}
          onPress={() => activate.run(model.id)}
        >
          {t('models.activate')}
        </ActionButton>
      ) : null}
      {isMissing && !model.own ? (
        <ActionButton
          isSmall
          icon="down"
          isDisabled={download.busy}
          label={t('models.downloadLabel', { model: model.name, size })}
          onPress={() => download.run(model.id)}
        >
          {size}
        </ActionButton>
      ) : null}
      {inProgress ? (
        <ActionButton
          isSmall
          isDisabled={cancel.busy}
          label={t('models.cancelLabel', { model: model.name })}
          onPress={() => cancel.run(model.id)}
        >
          {t('common.cancel')}
        </ActionButton>
      ) : null}
      {(model.state === 'ready' && !model.bundled && !model.own) || (model.link !== null && isMissing) ? (
        <Confirm
          className={buttonClass({ isSmall: true, kind: 'quiet' })}
          button={t('models.remove')}
          buttonLabel={t('models.removeLabel', { model: model.name })}
          title={t('models.removeTitle', { model: model.name })}
          act={t('models.removeAct', { size })}
          isDanger
          onAct={() => remove.run(model.id)}
        >
          <p>{t(model.active ? 'models.removeActive' : 'models.removeText', { size })}</p>
          {model.link === null ? null : <p>{t('models.byLink.removeText')}</p>}
        </Confirm>
      ) : null}
      <ProblemNote problem={download.problem ?? cancel.problem ?? remove.problem ?? activate.problem} />
    </span>
  );
}
