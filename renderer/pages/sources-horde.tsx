/** Job sources page: the worker for the AI Horde, its key, its models, and why it has no jobs. */
import {
  HORDE_KEY,
  HORDE_KEY_CHARACTERS_MAX,
  HORDE_MODEL_NAME,
  HORDE_MODELS_MAX,
  HORDE_URL_CHARACTERS_MAX,
  HORDE_URL_FORM,
  type HordeModel,
  kudosAsset,
  suggestedHordeName,
} from '../../shared/horde.ts';
import { useAction } from '../calls.ts';
import { writeNumber } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { Part, Toggle } from '../parts/setting.tsx';
import { useModelName, useStrings } from '../parts/strings.ts';
import { Typed } from '../parts/typed.tsx';
import { agent, useSection } from '../store.ts';
import { FactRows, type SourceProps } from './sources-parts.tsx';

type HordeProps = Omit<SourceProps, 'paid'>;

const NAME_CHARACTERS_MAX = 100;

export function HordePart({ settings, change, paid }: SourceProps) {
  const { t } = useStrings();
  return (
    <Part isTop title={t('horde.title')} note={t('horde.note')}>
      <Toggle
        label={t('horde.on')}
        note={t('horde.onNote')}
        isSelected={settings.hordeOn}
        onChange={(hordeOn) => change({ hordeOn })}
      />
      <Rows>
        <Standing paid={paid} />
        <FactRows asks={t('sources.horde.asks')} sees={t('horde.sees')} />
      </Rows>
      <KeyField />
      <Models settings={settings} change={change} />
      <Toggle
        label={t('horde.nsfw')}
        note={t('horde.nsfwNote')}
        isSelected={settings.hordeNsfw}
        onChange={(hordeNsfw) => change({ hordeNsfw })}
      />
      <ServerField settings={settings} change={change} />
    </Part>
  );
}

/** State of the worker, and its kudos. */
function Standing({ paid }: Pick<SourceProps, 'paid'>) {
  const { t, language } = useStrings();
  const { state, message, skipped, kudos, dropped } = useSection('horde');
  const { decimals } = kudosAsset('');
  const write = (units: string) =>
    t('horde.kudosValue', { kudos: writeNumber(Number(units) / 10 ** decimals, language, decimals) });
  return (
    <>
      <Row title={<b>{t('horde.status')}</b>} note={t(`horde.state.${state}`)}>
        {message === null ? null : <span className="sm">{t('horde.words', { message })}</span>}
        {skipped.map(({ reason, jobs }) => (
          <span className="sm" key={reason}>
            {t(`horde.skipped.${reason}`, { number: writeNumber(jobs, language) })}
          </span>
        ))}
      </Row>
      <Row
        title={<b>{t('sources.paid')}</b>}
        end={
          paid?.kudos === '0' ? (
            <span className="soft">{t('sources.nothing')}</span>
          ) : (
            paid && write(paid.kudos)
          )
        }
      />
      <Row title={<b>{t('horde.kudos')}</b>} note={t('horde.what')} end={write(kudos)} />
      {dropped === 0 ? null : (
        <Row title={<b>{t('horde.dropped')}</b>} end={writeNumber(dropped, language)} />
      )}
    </>
  );
}

function KeyField() {
  const { t } = useStrings();
  const { hasKey } = useSection('horde');
  const save = useAction((key: string | null) => agent.horde.setKey({ key }));
  return (
    <>
      <Typed
        label={t('horde.key')}
        act={t('horde.keySave')}
        type="password"
        note={t(hasKey ? 'horde.keyStored' : 'horde.keyNote')}
        lengthMax={HORDE_KEY_CHARACTERS_MAX}
        bad={null}
        isGood={(key) => HORDE_KEY.test(key)}
        onSave={save.run}
      >
        {hasKey ? (
          <ActionButton isSmall kind="quiet" isDisabled={save.busy} onPress={() => save.run(null)}>
            {t('horde.keyRemove')}
          </ActionButton>
        ) : null}
      </Typed>
      <ProblemNote problem={save.problem} />
    </>
  );
}

function Models({ settings: { hordeModels }, change }: HordeProps) {
  const { t, language } = useStrings();
  const { models, engineServers } = useSection('models');
  const usable = useSection('horde').models;
  const modelName = useModelName();
  const served = [
    ...models
      .filter((model) => (model.active || model.further) && model.use !== 'embedding')
      .map(({ id }) => id),
    ...engineServers.flatMap((server) => server.models.filter(({ active }) => active).map(({ id }) => id)),
  ];
  const ids = [...new Set([...served, ...hordeModels.map(({ id }) => id)])];
  const others = (id: string) => hordeModels.filter((each) => each.id !== id);
  const store = (model: HordeModel) => change({ hordeModels: [...others(model.id), model] });
  if (ids.length === 0)
    return (
      <Rows>
        <Row title={<b>{t('horde.models')}</b>} note={t('horde.modelsNone')} />
      </Rows>
    );
  return ids.map((id) => {
    const chosen = hordeModels.find((each) => each.id === id);
    const limits = usable.find((each) => each.id === id);
    const model = modelName(id);
    return (
      <div key={id}>
        <Toggle
          label={t('horde.modelOn', { model })}
          note={
            limits === undefined
              ? undefined
              : t('horde.limits', {
                  answer: writeNumber(limits.answerTokens, language),
                  whole: writeNumber(limits.contextTokens, language),
                })
          }
          isSelected={chosen !== undefined}
          isDisabled={chosen === undefined && hordeModels.length >= HORDE_MODELS_MAX}
          onChange={(on) =>
            on ? store({ id, name: suggestedHordeName(model) }) : change({ hordeModels: others(id) })
          }
        />
        {chosen === undefined ? null : (
          <Typed
            key={chosen.name}
            label={t('horde.modelName', { model })}
            note={t('horde.modelNameNote')}
            act={t('horde.nameSave')}
            start={chosen.name}
            lengthMax={NAME_CHARACTERS_MAX}
            bad={t('horde.badName')}
            isGood={(name) => HORDE_MODEL_NAME.test(name) && others(id).every((each) => each.name !== name)}
            onSave={(name) => store({ id, name })}
          />
        )}
      </div>
    );
  });
}

function ServerField({ settings: { hordeUrl }, change }: HordeProps) {
  const { t } = useStrings();
  const { host } = useSection('horde');
  return (
    <>
      <Rows>
        <Row title={<b>{t('horde.server')}</b>} note={host ?? t('horde.noServer')} />
      </Rows>
      <Typed
        label={t('horde.serverAddress')}
        act={t('horde.serverSave')}
        lengthMax={HORDE_URL_CHARACTERS_MAX}
        bad={t('horde.badServer')}
        isGood={(url) => HORDE_URL_FORM.test(url)}
        onSave={(url) => change({ hordeUrl: url })}
      >
        {hordeUrl === null ? null : (
          <ActionButton isSmall kind="quiet" onPress={() => change({ hordeUrl: null })}>
            {t('horde.serverDefault')}
          </ActionButton>
        )}
      </Typed>
    </>
  );
}
