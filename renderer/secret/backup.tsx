/** The backup: the words, shown only while somebody looks, and then some of them asked back. */
import { useEffect, useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { FailureNote, Finished, SecretField } from './parts.tsx';
import { closeWindow, useShell } from './shell-client.ts';

type Step =
  | { readonly at: 'start' }
  | { readonly at: 'words'; readonly words: readonly string[] }
  | {
      readonly at: 'drill';
      readonly id: string;
      readonly positions: readonly number[];
      readonly again: boolean;
    }
  | { readonly at: 'proven' };

export function Backup() {
  const { t } = useTranslation();
  const desk = useShell();
  const [step, setStep] = useState<Step>({ at: 'start' });
  useEffect(() => {
    // Words stand on the screen only while this window is the one that is looked at.
    const hide = () => setStep((current) => (current.at === 'words' ? { at: 'start' } : current));
    window.addEventListener('blur', hide);
    document.addEventListener('visibilitychange', hide);
    return () => {
      window.removeEventListener('blur', hide);
      document.removeEventListener('visibilitychange', hide);
    };
  }, []);

  const show = async () => {
    const answer = await desk.ask({ type: 'words' });
    if (answer?.type === 'words') setStep({ at: 'words', words: answer.words });
  };
  const drill = async (again: boolean) => {
    const answer = await desk.ask({ type: 'start-drill' });
    if (answer?.type === 'drill') {
      setStep({ at: 'drill', id: answer.id, positions: answer.positions, again });
    }
  };
  const check = async (id: string, words: string[]) => {
    const answer = await desk.ask({ type: 'answer-drill', id, words });
    if (answer?.type !== 'drill-answered') return;
    if (answer.passed) setStep({ at: 'proven' });
    else await drill(true);
  };

  return (
    <>
      <h1>{t('secret.backup.title')}</h1>
      {step.at === 'start' ? (
        <>
          <p>{t('secret.backup.what')}</p>
          <ul className="secret-rules">
            <li>{t('secret.backup.paper')}</li>
            <li>{t('secret.backup.alone')}</li>
            <li>{t('secret.backup.never')}</li>
          </ul>
          <p className="button-row">
            <Button className="button is-main" isDisabled={desk.busy} onPress={() => void show()}>
              {t('secret.backup.show')}
            </Button>
            <Button className="button" isDisabled={desk.busy} onPress={() => void drill(false)}>
              {t('secret.backup.skip')}
            </Button>
          </p>
        </>
      ) : null}
      {step.at === 'words' ? (
        <>
          <p>{t('secret.backup.write', { count: step.words.length })}</p>
          <ol className="secret-words">
            {step.words.map((word, index) => (
              <li key={index}>
                <span className="secret-number">{index + 1}</span>
                <code>{word}</code>
              </li>
            ))}
          </ol>
          <p className="soft">{t('secret.backup.hides')}</p>
          <p className="button-row">
            <Button className="button is-main" isDisabled={desk.busy} onPress={() => void drill(false)}>
              {t('secret.backup.written')}
            </Button>
            <Button className="button" onPress={() => setStep({ at: 'start' })}>
              {t('common.hide')}
            </Button>
          </p>
        </>
      ) : null}
      {step.at === 'drill' ? (
        <Drill
          key={step.id}
          positions={step.positions}
          again={step.again}
          busy={desk.busy}
          onCheck={(words) => void check(step.id, words)}
          onBack={() => setStep({ at: 'start' })}
        />
      ) : null}
      {step.at === 'proven' ? (
        <Finished title={t('secret.backup.proven')}>
          <p>{t('secret.backup.provenNext')}</p>
        </Finished>
      ) : null}
      <FailureNote failure={desk.failure} />
      {step.at === 'proven' ? null : (
        <p>
          <Button className="button" onPress={closeWindow}>
            {t('common.close')}
          </Button>
        </p>
      )}
    </>
  );
}

function Drill(props: {
  positions: readonly number[];
  again: boolean;
  busy: boolean;
  onCheck: (words: string[]) => void;
  onBack: () => void;
}) {
  const { t } = useTranslation();
  const [words, setWords] = useState<readonly string[]>(props.positions.map(() => ''));
  const filled = words.every((word) => word.trim() !== '');
  return (
    <form
      className="secret-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (filled) props.onCheck(words.map((word) => word.trim().toLowerCase()));
      }}
    >
      {props.again ? (
        <div className="note is-warning" role="alert">
          <p>{t('secret.backup.wrong')}</p>
        </div>
      ) : null}
      <p>{t('secret.backup.drill')}</p>
      {props.positions.map((position, index) => (
        <SecretField
          key={position}
          label={t('secret.backup.word', { position })}
          isShown
          autoFocus={index === 0}
          value={words[index] ?? ''}
          onChange={(word) => setWords(words.map((old, at) => (at === index ? word : old)))}
        />
      ))}
      <p className="button-row">
        <Button className="button is-main" type="submit" isDisabled={!filled || props.busy}>
          {t('secret.backup.check')}
        </Button>
        <Button className="button" onPress={props.onBack}>
          {t('common.back')}
        </Button>
      </p>
    </form>
  );
}
