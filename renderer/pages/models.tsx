/** Models page: the main model, and the catalog with the owner's own files: fit, speed, income, and what to do. */

import type { ModelEntry } from '../../shared/api/state.ts';
import { useAction, useAnswer } from '../calls.ts';
import { writeBytes, writeMeasured, writeNumber } from '../format.ts';
import { useIsFree } from '../parts/amount.tsx';
import { ActionButton } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { LoadedModels } from '../parts/loaded-models.tsx';
import { Meter } from '../parts/meter.tsx';
import { Note } from '../parts/note.tsx';
import { Notices } from '../parts/notices.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';
import { EngineServers } from './engine-servers.tsx';
import { Catalogue } from './model-catalogue.tsx';
import { AddByLink } from './model-link.tsx';
import { Download, type Income, IncomeText, Suits } from './model-row.tsx';
import { Calibration, SpeedText } from './model-speed.tsx';

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
      <Catalogue models={others} incomes={incomes} />
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
  const isFree = useIsFree();
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
          <p className="sm soft">
            <Suits model={model} />
          </p>
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
          {isFree ? null : (
            <div>
              <dt className="label">{t('models.aDay')}</dt>
              <dd className="mid-num">
                <IncomeText income={incomes.get(model.id) ?? null} />
              </dd>
            </div>
          )}
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
