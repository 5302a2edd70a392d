/** Settings page: the worker for the AI Horde, its key, its models, and why it has no jobs. */
import { type ReactNode, useState } from 'react';
import { FieldError } from 'react-aria-components/FieldError';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import {
  HORDE_KEY_CHARACTERS_MAX,
  HORDE_MODELS_MAX,
  type HordeModel,
  hordeKeySchema,
  hordeModelSchema,
  hordeUrlSchema,
  kudosAsset,
  suggestedHordeName,
} from '../../shared/horde.ts';
import type { Settings } from '../../shared/settings.ts';
import { useAction } from '../calls.ts';
import { writeNumber } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import type { Change } from '../parts/doubts.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { Part, Toggle } from '../parts/setting.tsx';
import { useModelName, useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

interface HordeProps {
  readonly settings: Settings;
  readonly change: Change;
}

const NAME_CHARACTERS_MAX = 100;

export function HordePart({ settings, change }: HordeProps) {
  const { t } = useStrings();
  return (
    <Part title={t('horde.title')} note={t('horde.note')}>
      <p className="settings-note sm soft">{t('horde.what')}</p>
      <Toggle
        label={t('horde.on')}
        note={t('horde.onNote')}
        isSelected={settings.hordeOn}
        onChange={(hordeOn) => change({ hordeOn })}
      />
      <Standing />
      <KeyField />
      <Models settings={settings} change={change} />
      <Toggle
        label={t('horde.nsfw')}
        note={t('horde.nsfwNote')}
        isSelected={settings.hordeNsfw}
        onChange={(hordeNsfw) => change({ hordeNsfw })}
      />
      <ServerField settings={settings} change={change} />
      <p className="settings-note sm soft">{t('horde.sees')}</p>
    </Part>
  );
}

/** State of the worker, and its kudos. */
function Standing() {
  const { t, language } = useStrings();
  const { state, message, skipped, kudos, dropped } = useSection('horde');
  const { decimals } = kudosAsset('');
  return (
    <Rows>
      <Row title={<b>{t('horde.status')}</b>} note={t(`horde.state.${state}`)}>
        {message === null ? null : <span className="sm">{t('horde.words', { message })}</span>}
        {skipped.map(({ reason, jobs }) => (
          <span className="sm" key={reason}>
            {t(`horde.skipped.${reason}`, { number: writeNumber(jobs, language) })}
          </span>
        ))}
      </Row>
      <Row
        title={<b>{t('horde.kudos')}</b>}
        end={t('horde.kudosValue', {
          kudos: writeNumber(Number(kudos) / 10 ** decimals, language, decimals),
        })}
      />
      {dropped === 0 ? null : (
        <Row title={<b>{t('horde.dropped')}</b>} end={writeNumber(dropped, language)} />
      )}
    </Rows>
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
        placeholder={t('horde.keyPlaceholder')}
        lengthMax={HORDE_KEY_CHARACTERS_MAX}
        bad={null}
        isGood={(key) => hordeKeySchema.safeParse(key).success}
        onSave={save.run}
      >
        {hasKey ? (
          <ActionButton isSmall kind="quiet" isDisabled={save.busy} onPress={() => save.run(null)}>
            {t('horde.keyRemove')}
          </ActionButton>
        ) : null}
      </Typed>
      {hasKey ? <p className="settings-note sm soft">{t('horde.keyStored')}</p> : null}
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
            isGood={(name) =>
              hordeModelSchema.shape.name.safeParse(name).success &&
              others(id).every((each) => each.name !== name)
            }
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
        lengthMax={NAME_CHARACTERS_MAX}
        bad={t('horde.badServer')}
        isGood={(url) => hordeUrlSchema.safeParse(url).success}
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

/** A text that is saved by a button. */
function Typed(props: {
  label: string;
  note?: string;
  act: string;
  type?: 'password' | 'text';
  start?: string;
  placeholder?: string;
  lengthMax: number;
  /** Says why a text is refused; null says nothing. */
  bad: string | null;
  isGood: (text: string) => boolean;
  onSave: (text: string) => void;
  /** Next to the button. */
  children?: ReactNode;
}) {
  const { start = '', bad, isGood } = props;
  const [typed, setTyped] = useState(start);
  const text = typed.trim();
  const isSame = text === start;
  return (
    <div className="pad">
      <TextField
        className="field"
        type={props.type ?? 'text'}
        value={typed}
        onChange={setTyped}
        maxLength={props.lengthMax}
        autoComplete="off"
        spellCheck="false"
        isInvalid={bad !== null && text !== '' && !isGood(text)}
      >
        <Label className="field-label">{props.label}</Label>
        <div className="field-line">
          <Input className="input" placeholder={props.placeholder ?? ''} />
          <ActionButton
            isSmall
            isDisabled={isSame || !isGood(text)}
            onPress={() => {
              props.onSave(text);
              if (start === '') setTyped('');
            }}
          >
            {props.act}
          </ActionButton>
          {props.children}
        </div>
        {bad === null ? null : <FieldError className="field-error">{bad}</FieldError>}
      </TextField>
      {props.note === undefined ? null : <p className="sm soft">{props.note}</p>}
    </div>
  );
}
