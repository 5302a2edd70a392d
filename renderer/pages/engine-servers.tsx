/** Models page: engines of the owner's own, found on this machine or added by address, and the models that they offer. */
import { useState } from 'react';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import type { EngineServerState, FoundEngineServer } from '../../shared/engine-servers.ts';
import { useAction, useAnswer } from '../calls.ts';
import { writeMeasured, writeNumber } from '../format.ts';
import { ActionButton, buttonClass } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row } from '../parts/rows.tsx';
import { useStrings } from '../parts/strings.ts';
import { Tag } from '../parts/tag.tsx';
import { agent, useSection } from '../store.ts';

type ServerModel = EngineServerState['models'][number];

export function EngineServers() {
  const { t } = useStrings();
  const { engineServers } = useSection('models');
  const search = useAnswer('engines', () => agent.engines.search({}));
  const add = useAction(async (server: { url: string; key: string | null }) => {
    await agent.engines.add(server);
    search.reload();
  });
  const isAdded = (url: string) => engineServers.some((server) => server.url === url);
  const found = (search.data?.found ?? []).filter(({ url }) => !isAdded(url));
  return (
    <Card
      title={t('engines.title')}
      aside={
        <ActionButton isSmall onPress={search.reload}>
          {t('engines.search')}
        </ActionButton>
      }
    >
      <p className="use-why sm soft">{t('engines.what')}</p>
      <ProblemNote problem={search.problem ?? add.problem} />
      <ul className="rows">
        {engineServers.map((server) => (
          <Server key={server.id} server={server} />
        ))}
        {found.map((server) => (
          <Found
            key={server.url}
            server={server}
            isBusy={add.busy}
            onAdd={() => add.run({ url: server.url, key: null })}
          />
        ))}
        {engineServers.length === 0 && found.length === 0 && search.data !== null ? (
          <Row title={t('engines.none')} note={t('engines.noneNext')} />
        ) : null}
      </ul>
      <AddForm isBusy={add.busy} onAdd={add.run} />
    </Card>
  );
}

function Found(props: { server: FoundEngineServer; isBusy: boolean; onAdd: () => void }) {
  const { t, language } = useStrings();
  const { url, kind, version, models, needsKey } = props.server;
  const note = needsKey
    ? t('engines.needsKey')
    : [version, t('engines.models', { count: models, number: writeNumber(models, language) })]
        .filter(Boolean)
        .join(' · ');
  return (
    <Row
      title={
        <b>
          {t(`engines.kind.${kind}`)} <code>{url}</code>
        </b>
      }
      note={note}
      end={
        needsKey ? (
          <Tag>{t('engines.found')}</Tag>
        ) : (
          <ActionButton
            isSmall
            isDisabled={props.isBusy}
            label={t('engines.addLabel', { engine: t(`engines.kind.${kind}`), url })}
            onPress={props.onAdd}
          >
            {t('engines.add')}
          </ActionButton>
        )
      }
    />
  );
}

const STATES = {
  unknown: { tone: 'rest', icon: 'clock' },
  reachable: { tone: 'good', icon: 'check' },
  unreachable: { tone: 'warning', icon: 'cross' },
  refused: { tone: 'bad', icon: 'cross' },
} as const;

function Server({ server }: { server: EngineServerState }) {
  const { t } = useStrings();
  const remove = useAction((id: string) => agent.engines.remove({ id }));
  const serve = useAction((model: string) => agent.engines.serve({ id: server.id, model }));
  const engine = t(`engines.kind.${server.kind}`);
  const note = [
    server.version,
    t(server.isHere ? 'engines.here' : 'engines.elsewhere', { address: server.address }),
    server.hasKey ? t('engines.hasKey') : null,
  ].filter(Boolean);
  return (
    <li className="models-row">
      <div className="row-line">
        <span className="grow">
          <b>
            {engine} <code>{server.url}</code>
          </b>
          <span className="sm">{note.join(' · ')}</span>
          <span className="sm">{t(server.canUnload ? 'engines.frees' : 'engines.keeps')}</span>
          {server.isHere ? null : <span className="sm">{t('engines.elsewhereMeaning')}</span>}
        </span>
        <Tag {...STATES[server.state]}>{t(`engines.state.${server.state}`)}</Tag>
        <Confirm
          className={buttonClass({ isSmall: true, kind: 'quiet' })}
          button={t('engines.remove')}
          buttonLabel={t('engines.removeLabel', { engine, url: server.url })}
          title={t('engines.removeTitle', { engine })}
          act={t('engines.remove')}
          isDanger
          onAct={() => remove.run(server.id)}
        >
          <p>{t('engines.removeText')}</p>
        </Confirm>
      </div>
      <ProblemNote problem={remove.problem ?? serve.problem} />
      <ul className="rows is-tight">
        {server.models.map((model) => (
          <Model key={model.name} model={model} isBusy={serve.busy} onServe={() => serve.run(model.name)} />
        ))}
      </ul>
    </li>
  );
}

function Model(props: { model: ServerModel; isBusy: boolean; onServe: () => void }) {
  const { t, language } = useStrings();
  const { model } = props;
  const speed = model.decodeTokensPerSecond;
  const note = [
    model.quantisation,
    model.contextTokens === null
      ? t('engines.contextUnknown')
      : t('models.context', { tokens: writeNumber(model.contextTokens, language) }),
    model.features === null ? null : t('engines.features', { features: featureText(model.features, t) }),
    speed === null ? null : t('models.tokensPerSecond', { speed: writeMeasured(speed, language) }),
  ].filter(Boolean);
  return (
    <Row
      title={<b>{model.name}</b>}
      note={note.join(' · ')}
      end={
        model.active ? (
          <Tag tone="good" icon="check">
            {t('models.serving')}
          </Tag>
        ) : (
          <ActionButton
            isSmall
            isDisabled={props.isBusy}
            label={t('models.activateLabel', { model: model.name })}
            onPress={props.onServe}
          >
            {t('models.activate')}
          </ActionButton>
        )
      }
    >
      {model.problem === null ? null : <span className="sm">{model.problem}</span>}
    </Row>
  );
}

function featureText(
  features: NonNullable<ServerModel['features']>,
  t: ReturnType<typeof useStrings>['t'],
): string {
  const names = features.map((feature) => t(`engines.feature.${feature}`));
  return names.length === 0 ? t('engines.feature.none') : names.join(', ');
}

function AddForm(props: { isBusy: boolean; onAdd: (server: { url: string; key: string | null }) => void }) {
  const { t } = useStrings();
  const [url, setUrl] = useState('');
  const [key, setKey] = useState('');
  const isEmpty = url.trim() === '';
  const add = () => {
    if (isEmpty || props.isBusy) return;
    props.onAdd({ url: url.trim(), key: key.trim() === '' ? null : key.trim() });
    setKey('');
  };
  return (
    <form
      className="engine-form pad"
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <TextField className="field" value={url} onChange={setUrl} autoComplete="off" spellCheck="false">
        <Label className="field-label">{t('engines.address')}</Label>
        <Input className="input" placeholder="http://192.168.1.5:11434" maxLength={300} />
      </TextField>
      <TextField className="field" type="password" value={key} onChange={setKey} autoComplete="off">
        <Label className="field-label">{t('engines.key')}</Label>
        <Input className="input" maxLength={500} />
      </TextField>
      <ActionButton isDisabled={isEmpty || props.isBusy} onPress={add}>
        {t('engines.addTyped')}
      </ActionButton>
    </form>
  );
}
