/** Models page: the dialog that adds a model by its link, which shows what the link leads to before anything is downloaded. */
import { useState } from 'react';
import { Dialog, DialogTrigger } from 'react-aria-components/Dialog';
import { Heading } from 'react-aria-components/Heading';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { Modal, ModalOverlay } from 'react-aria-components/Modal';
import { TextField } from 'react-aria-components/TextField';
import { HUB_LINK_CHARACTERS_MAX, type HubAnswer, type HubModel } from '../../shared/model-files.ts';
import { useAction } from '../calls.ts';
import { writeBytes, writeNumber } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row } from '../parts/rows.tsx';
import { useStrings } from '../parts/strings.ts';
import { Tag } from '../parts/tag.tsx';
import { agent, useSection } from '../store.ts';
import { FITS } from './model-fit.ts';

export function AddByLink() {
  const { t } = useStrings();
  return (
    <DialogTrigger>
      <ActionButton isSmall icon="down">
        {t('models.byLink.open')}
      </ActionButton>
      <ModalOverlay className="overlay" isDismissable>
        <Modal className="modal">
          <Dialog className="dialog">{({ close }) => <LinkDialog onClose={close} />}</Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

function LinkDialog({ onClose }: { onClose: () => void }) {
  const { t } = useStrings();
  const [link, setLink] = useState('');
  const lookUp = useAction((text: string) => agent.models.lookUpLink({ link: text }));
  const add = useAction(async ({ link: seen, sha256 }: HubModel) => {
    await agent.models.addByLink({ link: seen, sha256 });
    onClose();
  });
  const answer = lookUp.result;
  const model = answer?.kind === 'model' && answer.model.problem === null ? answer.model : null;
  const isOverLimit = useOverLimit(model);
  const search = () => {
    if (link.trim() !== '') lookUp.run(link.trim());
  };
  return (
    <>
      <Heading slot="title">{t('models.byLink.title')}</Heading>
      <p className="sm soft">{t('models.byLink.what')}</p>
      <form
        className="engine-form"
        onSubmit={(event) => {
          event.preventDefault();
          search();
        }}
      >
        <TextField
          className="field"
          value={link}
          onChange={setLink}
          autoComplete="off"
          spellCheck="false"
          autoFocus
        >
          <Label className="field-label">{t('models.byLink.label')}</Label>
          <Input
            className="input"
            placeholder="https://huggingface.co/owner/model-GGUF"
            maxLength={HUB_LINK_CHARACTERS_MAX}
          />
        </TextField>
        <ActionButton isDisabled={link.trim() === '' || lookUp.busy} onPress={search}>
          {t(lookUp.busy ? 'models.byLink.lookingUp' : 'models.byLink.lookUp')}
        </ActionButton>
      </form>
      <ProblemNote problem={lookUp.problem ?? add.problem} />
      {answer === null ? null : <Answer answer={answer} onChoose={lookUp.run} />}
      {isOverLimit ? <Note tone="warning" title={t('models.byLink.overLimit')} /> : null}
      <div className="dialog-actions">
        <ActionButton onPress={onClose}>{t('common.cancel')}</ActionButton>
        {model === null ? null : (
          <ActionButton
            kind="primary"
            icon="down"
            isDisabled={add.busy || isOverLimit}
            onPress={() => add.run(model)}
          >
            {t('models.byLink.download')}
          </ActionButton>
        )}
      </div>
    </>
  );
}

function useOverLimit(model: HubModel | null): boolean {
  const { usedBytes, budgetBytes } = useSection('models');
  return model !== null && usedBytes + model.sizeBytes > budgetBytes;
}

function Answer({ answer, onChoose }: { answer: HubAnswer; onChoose: (link: string) => void }) {
  const { t } = useStrings();
  switch (answer.kind) {
    case 'refused':
      return (
        <Note tone="error" role="alert" title={t('models.byLink.failed')}>
          {t(`models.byLink.problem.${answer.problem}`, { detail: answer.detail })}
        </Note>
      );
    case 'files':
      return <Files answer={answer} onChoose={onChoose} />;
    case 'model':
      return <Found model={answer.model} />;
  }
}

function Files(props: { answer: Extract<HubAnswer, { kind: 'files' }>; onChoose: (link: string) => void }) {
  const { t, language } = useStrings();
  return (
    <div role="status">
      <p>{t('models.byLink.choose', { repo: props.answer.repo })}</p>
      <ul className="rows is-tight">
        {props.answer.files.map(({ link, path, sizeBytes, problem }) => (
          <Row
            key={link}
            title={<b>{path}</b>}
            note={
              problem === null ? writeBytes(sizeBytes, language) : t(`models.byLink.fileProblem.${problem}`)
            }
            end={
              problem === null ? (
                <ActionButton
                  isSmall
                  label={t('models.byLink.chooseLabel', { file: path })}
                  onPress={() => props.onChoose(link)}
                >
                  {t('models.byLink.chooseFile')}
                </ActionButton>
              ) : null
            }
          />
        ))}
      </ul>
    </div>
  );
}

function Found({ model }: { model: HubModel }) {
  const { t, language } = useStrings();
  const facts = [
    [t('models.byLink.fact.file'), model.path],
    [t('models.byLink.fact.size'), writeBytes(model.sizeBytes, language)],
    [t('models.byLink.fact.license'), model.license || t('common.unknown')],
    [t('models.byLink.fact.from'), `${model.repo} (${model.revision.slice(0, 12)})`],
    [t('models.byLink.fact.checksum'), `SHA-256 ${model.sha256}`],
  ] as const;
  if (model.problem !== null) {
    return (
      <Note tone="error" role="alert" title={t('models.byLink.notServed', { file: model.path })}>
        {t(`models.fileProblem.${model.problem}`, { detail: model.detail })}
      </Note>
    );
  }
  const about = [
    t('models.parameters', { count: model.parameters }),
    model.quantisation,
    t('models.context', { tokens: writeNumber(model.contextTokens, language) }),
    model.use === null ? null : t(`models.use.${model.use}`),
  ].filter(Boolean);
  return (
    <section role="status" aria-label={model.name}>
      <h3>{model.name}</h3>
      <p className="sm soft">{about.join(' · ')}</p>
      <dl className="link-facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p>
        <Tag {...FITS[model.fit]}>{t(`models.fit.${model.fit}`)}</Tag>{' '}
        <span className="sm">{t(`models.fitMeaning.${model.fit}`)}</span>
      </p>
    </section>
  );
}
