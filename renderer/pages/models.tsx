/** Models page: the catalog with fit, license and speed of each model; downloads, serving and removal. */
import { Button } from 'react-aria-components';
import type { ModelEntry } from '../../shared/api/state.ts';
import { useAction } from '../calls.ts';
import { secondsLeft, writeBytes, writeDuration, writeNumber } from '../format.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Empty } from '../parts/empty.tsx';
import { Unknown } from '../parts/fact.tsx';
import { Notices } from '../parts/notices.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Progress } from '../parts/progress.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';
import { Calibration, ModelSpeed } from './model-speed.tsx';

export function Models() {
  const { t, language } = useStrings();
  const { models, calibration, usedBytes, budgetBytes } = useSection('models');
  return (
    <>
      <PageHead title={t('nav.models')} lead={t('models.lead')} />
      <Notices />
      <section aria-labelledby="models-disk">
        <h2 id="models-disk">{t('models.disk')}</h2>
        <div className="panel">
          <Progress
            label={t('models.disk')}
            fraction={budgetBytes === 0 ? 1 : usedBytes / budgetBytes}
            text={t('models.diskUsed', {
              used: writeBytes(usedBytes, language),
              budget: writeBytes(budgetBytes, language),
            })}
          />
        </div>
      </section>
      <section aria-labelledby="models-list">
        <h2 id="models-list">{t('models.catalogue')}</h2>
        {models.length === 0 ? (
          <Empty title={t('models.empty')}>
            <p>{t('models.emptyNext')}</p>
          </Empty>
        ) : (
          <ul className="cards">
            {models.map((model) => (
              <ModelCard key={model.id} model={model} />
            ))}
          </ul>
        )}
      </section>
      <Calibration calibration={calibration} />
    </>
  );
}

function ModelCard({ model }: { model: ModelEntry }) {
  const { t, language } = useStrings();
  return (
    <li className={model.active ? 'card is-active' : 'card'}>
      <div className="card-head">
        <h3>{model.name}</h3>
        {model.active ? <span className="tag is-good">{t('models.serving')}</span> : null}
        {model.bundled ? <span className="tag">{t('models.bundled')}</span> : null}
        <span className={`tag is-${model.fit}`} title={t(`models.fitMeaning.${model.fit}`)}>
          {t(`models.fit.${model.fit}`)}
        </span>
      </div>
      <ul className="card-facts">
        <li>{model.publisher}</li>
        <li>{t('models.parameters', { count: model.parameters })}</li>
        <li>{model.quantisation}</li>
        <li>{t('models.context', { tokens: writeNumber(model.contextTokens, language) })}</li>
        <li>
          {model.sizeBytes === null ? (
            <Unknown about={t('models.noSize')} />
          ) : (
            writeBytes(model.sizeBytes, language)
          )}
        </li>
        <li>{t('models.license', { license: model.license })}</li>
      </ul>
      <ModelSpeed model={model} />
      {model.bundled ? <p className="soft">{t('models.bundledMeaning')}</p> : null}
      <Download model={model} />
      <ModelActions model={model} />
    </li>
  );
}

function Download({ model }: { model: ModelEntry }) {
  const { t, language } = useStrings();
  if (model.state === 'failed') {
    return (
      <div className="note is-error" role="status">
        <p className="note-title">{t('models.failed')}</p>
        <p>
          {model.error ?? t('models.failedUnknown')} {t('models.failedMoney')}
        </p>
      </div>
    );
  }
  if (model.state === 'verifying') {
    return <Progress label={t('models.verifying')} fraction={null} text={t('models.verifying')} />;
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
    <Progress
      label={t('models.downloading', { model: model.name })}
      fraction={progress.totalBytes ? progress.receivedBytes / progress.totalBytes : null}
      text={texts.join(' · ')}
    />
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
  return (
    <>
      <div className="card-actions">
        {model.state === 'ready' && !model.active ? (
          <Button
            className="button is-small"
            isDisabled={activate.busy}
            onPress={() => activate.run(model.id)}
            aria-label={t('models.activateLabel', { model: model.name })}
          >
            {t('models.activate')}
          </Button>
        ) : null}
        {model.state === 'absent' || model.state === 'failed' ? (
          <Button
            className="button is-small"
            isDisabled={download.busy}
            onPress={() => download.run(model.id)}
            aria-label={t('models.downloadLabel', { model: model.name, size })}
          >
            {t('models.download', { size })}
          </Button>
        ) : null}
        {inProgress ? (
          <Button
            className="button is-small"
            isDisabled={cancel.busy}
            onPress={() => cancel.run(model.id)}
            aria-label={t('models.cancelLabel', { model: model.name })}
          >
            {t('common.cancel')}
          </Button>
        ) : null}
        {model.state === 'ready' && !model.bundled ? (
          <Confirm
            className="button is-small"
            button={t('models.remove')}
            buttonLabel={t('models.removeLabel', { model: model.name })}
            title={t('models.removeTitle', { model: model.name })}
            act={t('models.removeAct', { size })}
            isDanger
            onAct={() => remove.run(model.id)}
          >
            <p>{t(model.active ? 'models.removeActive' : 'models.removeText', { size })}</p>
          </Confirm>
        ) : null}
      </div>
      <ProblemNote problem={download.problem ?? cancel.problem ?? remove.problem ?? activate.problem} />
    </>
  );
}
