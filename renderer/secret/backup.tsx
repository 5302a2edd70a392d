/** Backup of the recovery phrase: shows the words only while the window has the focus, then checks some of them. */
import { useEffect, useState } from 'react';
import { Button } from 'react-aria-components/Button';
import { useTranslation } from 'react-i18next';
import { FailureNote, Finished, SecretField } from './parts.tsx';
import { closeWindow, type Failure, useShell } from './shell-client.ts';

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

/** The steps of a backup, and the calls to the shell that lead from one to the next. */
interface BackupSteps {
  readonly step: Step;
  readonly busy: boolean;
  readonly failure: Failure | null;
  showWords(): Promise<void>;
  startDrill(again: boolean): Promise<void>;
  /** Ends the backup if the words are right, otherwise starts another drill. */
  check(id: string, words: string[]): Promise<void>;
  backToStart(): void;
}

function useBackupSteps(): BackupSteps {
  const shell = useShell();
  const [step, setStep] = useState<Step>({ at: 'start' });
  useEffect(() => {
    // Keep the words on the screen only while this window has the focus.
    const hide = () => setStep((current) => (current.at === 'words' ? { at: 'start' } : current));
    window.addEventListener('blur', hide);
    document.addEventListener('visibilitychange', hide);
    return () => {
      window.removeEventListener('blur', hide);
      document.removeEventListener('visibilitychange', hide);
    };
  }, []);

  const startDrill = async (again: boolean) => {
    const answer = await shell.ask({ type: 'start-drill' });
    if (answer?.type === 'drill') {
      setStep({ at: 'drill', id: answer.id, positions: answer.positions, again });
    }
  };
  return {
    step,
    busy: shell.busy,
    failure: shell.failure,
    startDrill,
    async showWords() {
      const answer = await shell.ask({ type: 'words' });
      if (answer?.type === 'words') setStep({ at: 'words', words: answer.words });
    },
    async check(id, words) {
      const answer = await shell.ask({ type: 'answer-drill', id, words });
      if (answer?.type !== 'drill-answered') return;
      if (answer.passed) setStep({ at: 'proven' });
      else await startDrill(true);
    },
    backToStart: () => setStep({ at: 'start' }),
  };
}

export function Backup() {
  const { t } = useTranslation();
  const steps = useBackupSteps();
  const { step } = steps;
  return (
    <>
      <h1>{t('secret.backup.title')}</h1>
      {step.at === 'start' ? <Start steps={steps} /> : null}
      {step.at === 'words' ? <Words words={step.words} steps={steps} /> : null}
      {step.at === 'drill' ? (
        <Drill
          key={step.id}
          positions={step.positions}
          again={step.again}
          busy={steps.busy}
          onCheck={(words) => void steps.check(step.id, words)}
          onBack={steps.backToStart}
        />
      ) : null}
      {step.at === 'proven' ? (
        <Finished title={t('secret.backup.proven')}>
          <p>{t('secret.backup.provenNext')}</p>
        </Finished>
      ) : null}
      <FailureNote failure={steps.failure} />
      {step.at === 'proven' ? null : (
        <p>
          <Button className="btn" onPress={closeWindow}>
            {t('common.close')}
          </Button>
        </p>
      )}
    </>
  );
}

function Start({ steps }: { steps: BackupSteps }) {
  const { t } = useTranslation();
  return (
    <>
      <p>{t('secret.backup.what')}</p>
      <ul className="secret-rules">
        <li>{t('secret.backup.paper')}</li>
        <li>{t('secret.backup.alone')}</li>
        <li>{t('secret.backup.never')}</li>
      </ul>
      <p className="button-row">
        <Button className="btn is-primary" isDisabled={steps.busy} onPress={() => void steps.showWords()}>
          {t('secret.backup.show')}
        </Button>
        <Button className="btn" isDisabled={steps.busy} onPress={() => void steps.startDrill(false)}>
          {t('secret.backup.skip')}
        </Button>
      </p>
    </>
  );
}

function Words({ words, steps }: { words: readonly string[]; steps: BackupSteps }) {
  const { t } = useTranslation();
  return (
    <>
      <p>{t('secret.backup.write', { count: words.length })}</p>
      <ol className="secret-words">
        {words.map((word, index) => (
          <li key={index}>
            <span className="secret-number">{index + 1}</span>
            <code>{word}</code>
          </li>
        ))}
      </ol>
      <p className="soft">{t('secret.backup.hides')}</p>
      <p className="button-row">
        <Button
          className="btn is-primary"
          isDisabled={steps.busy}
          onPress={() => void steps.startDrill(false)}
        >
          {t('secret.backup.written')}
        </Button>
        <Button className="btn" onPress={steps.backToStart}>
          {t('common.hide')}
        </Button>
      </p>
    </>
  );
}

/** Form for the words at the given positions. `again` if the words of the previous drill were wrong. */
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
        <Button className="btn is-primary" type="submit" isDisabled={!filled || props.busy}>
          {t('secret.backup.check')}
        </Button>
        <Button className="btn" onPress={props.onBack}>
          {t('common.back')}
        </Button>
      </p>
    </form>
  );
}
