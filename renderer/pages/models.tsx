/** Models page: the main model, and the catalog with the owner's own files: fit, speed, income, and what to do. */

import { Switch } from 'react-aria-components/Switch';
import type { ModelEntry } from '../../shared/api/state.ts';
import { useAction, useAnswer } from '../calls.ts';
import { secondsLeft, writeBytes, writeDuration, writeMeasured, writeNumber } from '../format.ts';
import { useMoneyText } from '../parts/amount.tsx';
import { ActionButton, buttonClass } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Empty } from '../parts/empty.tsx';
import { Fact } from '../parts/fact.tsx';
import { LoadedModels } from '../parts/loaded-models.tsx';
import { Meter } from '../parts/meter.tsx';
import { Note } from '../parts/note.tsx';
import { Notices } from '../parts/notices.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Progress } from '../parts/progress.tsx';
import { useStrings } from '../parts/strings.ts';
import { Tag } from '../parts/tag.tsx';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';
import { EngineServers } from './engine-servers.tsx';
import { FITS } from './model-fit.ts';
import { AddByLink } from './model-link.tsx';
import { Calibration, SpeedText } from './model-speed.tsx';

interface Income {
  readonly low: string;
  readonly high: string;
}
type Incomes = ReadonlyMap<string, Income>;

export function Models() {
  const { t, language } = useStrings();
  const { models, calibration, usedBytes, budgetBytes } = useSection('models');
  const incomes = useIncomes();
  const find = useAction((_: null) => agent.models.findOwn({}));
  const others = models.filter(({ active }) => !active);
  return (
    <>
      <PageHead title={t('nav.models')}>
        <AddByLink />
        <ActionButton isSmall icon="file" isDisabled={find.busy} onPress={() => find.run(null)}>
          {t('models.addFile')}
        </ActionButton>
      </PageHead>
      <Notices />
      <ProblemNote problem={find.problem} />
      {find.result ? <OwnFolder result={find.result} /> : null}
      <ServingNow incomes={incomes} />
      <Card
        title={t('models.catalogue')}
        aside={<span className="sm soft">{t('models.untilMeasured')}</span>}
      >
        {models.length === 0 ? (
          <Empty title={t('models.empty')}>
            <p>{t('models.emptyNext')}</p>
          </Empty>
        ) : (
          <ul className="rows">
            {others.map((model) => (
              <ModelRow key={model.id} model={model} income={incomes.get(model.id) ?? null} />
            ))}
          </ul>
        )}
      </Card>
      <EngineServers />
      <p className="models-disk sm soft">
        {t('models.disk')}
        <span className="models-meter">
          <Meter parts={[{ share: budgetBytes === 0 ? 1 : usedBytes / budgetBytes }]} />
        </span>
        {t('models.diskUsed', {
          used: writeBytes(usedBytes, language),
          budget: writeBytes(budgetBytes, language),
        })}
        {' · '}
        <a href={hrefTo('settings')}>{t('models.changeLimit')}</a>
      </p>
      <Calibration calibration={calibration} />
    </>
  );
}

/** Queried again when a speed becomes known, or prices and intensity change. */
function useIncomes(): Incomes {
  const { models } = useSection('models');
  const { priceInputPerMillion, priceOutputPerMillion, comfort } = useSection('settings');
  const speeds = models.map(({ id, speed }) => [id, speed.measured?.atMs, speed.predicted?.atMs].join());
  const key = [...speeds, priceInputPerMillion, priceOutputPerMillion, comfort].join('|');
  const answer = useAnswer(key, () => agent.models.incomes({}));
  return new Map((answer.data?.incomes ?? []).map((income) => [income.model, income]));
}

/** The folder for the owner's files, and those in it that can't be used. */
function OwnFolder({ result }: { result: Awaited<ReturnType<typeof agent.models.findOwn>> }) {
  const { t } = useStrings();
  return (
    <Note role="status" title={t('models.ownFound', { count: result.found })}>
      <p>
        {t('models.ownFolder')} <code className="wallet-code">{result.folder}</code>
      </p>
      {result.refused.map(({ fileName, problem, detail }) => (
        <p key={fileName}>
          <b>{fileName}</b>: {t(`models.fileProblem.${problem}`, { detail })}
        </p>
      ))}
    </Note>
  );
}

/** The page's hero: the main model, and what else is in memory. */
function ServingNow({ incomes }: { incomes: Incomes }) {
  const { t, language } = useStrings();
  const { models } = useSection('models');
  const model = models.find(({ active }) => active);
  if (model === undefined) return null;
  const size = model.sizeBytes === null ? t('models.unknownSize') : writeBytes(model.sizeBytes, language);
  const facts = [
    model.publisher,
    t('models.parameters', { count: model.parameters }),
    model.quantisation,
    size,
    t('models.context', { tokens: writeNumber(model.contextTokens, language) }),
    model.license === '' ? null : t('models.license', { license: model.license }),
  ].filter(Boolean);
  return (
    <Card label={t('models.serving')} isPadded>
      <div className="earnings-head">
        <div>
          <p className="label">{t('models.serving')}</p>
          <h2 className="models-name">{model.name}</h2>
          <p className="sm soft">{facts.join(' · ')}</p>
          <p className="sm soft">{t(`models.suits.${model.suits}`)}</p>
          <p className="sm soft">{t('models.mainModel')}</p>
          <LoadedModels />
        </div>
        <dl className="figs">
          <div>
            <dt className="label">{t(model.speed.measured ? 'models.measuredHere' : 'models.predicted')}</dt>
            <dd className="mid-num">
              <SpeedText model={model} />
            </dd>
          </div>
          <div>
            <dt className="label">{t('models.aDay')}</dt>
            <dd className="mid-num">
              <IncomeText income={incomes.get(model.id) ?? null} />
            </dd>
          </div>
        </dl>
      </div>
      <Download model={model} />
      {model.bundled ? <p className="sm soft">{t('models.bundledMeaning')}</p> : null}
      <Score model={model} />
    </Card>
  );
}

function Score({ model }: { model: ModelEntry }) {
  const { t, language } = useStrings();
  const { score } = model.speed;
  if (score === null) return null;
  const write = (value: number) => writeMeasured(value, language);
  return (
    <p className="models-score sm soft">
      {t('models.score', {
        predicted: write(score.predictedTokensPerSecond),
        measured: write(score.measuredTokensPerSecond),
        percent: write(score.errorPercent),
      })}
    </p>
  );
}

/** From the worst to the best day; unknown without a speed. */
function IncomeText({ income }: { income: Income | null }) {
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

function ModelRow({ model, income }: { model: ModelEntry; income: Income | null }) {
  const { t, language } = useStrings();
  const { measured, predicted } = model.speed;
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
  const note = [
    model.own ? t('models.ownFile') : model.publisher,
    model.link === null ? null : t('models.byLink.added'),
    model.further ? t(isLoaded ? 'models.further.loaded' : 'models.further.onDemand') : null,
    model.use === 'chat' ? null : t(`models.use.${model.use}`),
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
          <span className="sm">{t(`models.suits.${model.suits}`)}</span>
        </span>
        <span>
          <Fact about={t(`models.fitMeaning.${model.fit}`)}>
            <Tag {...FITS[model.fit]}>{t(`models.fit.${model.fit}`)}</Tag>
          </Fact>
        </span>
        <span className="end sm">
          <SpeedText model={model} />
        </span>
        <span className="end sm">
          <IncomeText income={income} />
        </span>
        <ModelActions model={model} />
      </div>
      <Download model={model} />
    </li>
  );
}

function Download({ model }: { model: ModelEntry }) {
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
