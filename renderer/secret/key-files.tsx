/** Tasks with keystore files: exporting the wallet, importing another one, and unlocking a locked one. */
import { useState } from 'react';
import { Button } from 'react-aria-components/Button';
import { useTranslation } from 'react-i18next';
import { PASSPHRASE_LENGTH_MIN, passphraseWeakness } from '../../shared/passphrase.ts';
import type { SecretRequest } from '../../shared/secret-window.ts';
import { Segments } from '../parts/segments.tsx';
import { FailureNote, Finished, SecretField } from './parts.tsx';
import { closeWindow, useShell } from './shell-client.ts';

export function Export() {
  const { t } = useTranslation();
  const shell = useShell();
  const [first, setFirst] = useState('');
  const [second, setSecond] = useState('');
  const [path, setPath] = useState<string | null>(null);
  if (path !== null) {
    return (
      <>
        <h1>{t('secret.export.title')}</h1>
        <Finished title={t('secret.export.done')}>
          <p>
            <code>{path}</code>
          </p>
          <p>{t('secret.export.doneNext')}</p>
        </Finished>
      </>
    );
  }
  const weakness = passphraseWeakness(first);
  const ready = weakness === null && first === second;
  return (
    <form
      className="secret-form"
      onSubmit={async (event) => {
        event.preventDefault();
        if (!ready) return;
        const answer = await shell.ask({ type: 'export-file', passphrase: first });
        if (answer?.type === 'exported') setPath(answer.path);
      }}
    >
      <h1>{t('secret.export.title')}</h1>
      <p>{t('secret.export.what')}</p>
      <SecretField label={t('secret.export.passphrase')} value={first} onChange={setFirst} autoFocus />
      <SecretField label={t('secret.export.again')} value={second} onChange={setSecond} />
      <PassphraseHint first={first} second={second} />
      <Actions act={t('secret.export.save')} isReady={ready && !shell.busy} />
      <FailureNote failure={shell.failure} />
    </form>
  );
}

type Source = 'phrase' | 'file' | 'key';

export function Import() {
  const { t } = useTranslation();
  const shell = useShell();
  const [source, setSource] = useState<Source>('phrase');
  const [secret, setSecret] = useState('');
  const [address, setAddress] = useState<string | null>(null);
  if (address !== null) {
    return (
      <>
        <h1>{t('secret.import.title')}</h1>
        <Finished title={t('secret.import.done')}>
          <p>
            <code>{address}</code>
          </p>
          <p>{t('secret.import.doneNext')}</p>
        </Finished>
      </>
    );
  }
  const requests: Record<Source, SecretRequest> = {
    phrase: { type: 'import-phrase', phrase: secret.trim().toLowerCase().replaceAll(/\s+/g, ' ') },
    file: { type: 'import-file', passphrase: secret },
    key: { type: 'import-key', key: secret.trim() },
  };
  return (
    <form
      className="secret-form"
      onSubmit={async (event) => {
        event.preventDefault();
        if (secret === '') return;
        const answer = await shell.ask(requests[source]);
        if (answer?.type === 'imported') setAddress(answer.address);
      }}
    >
      <h1>{t('secret.import.title')}</h1>
      <p>{t('secret.import.what')}</p>
      <Segments
        label={t('secret.import.from')}
        labelShown
        value={source}
        onChange={(next) => {
          setSource(next);
          setSecret('');
        }}
        options={(['phrase', 'file', 'key'] as const).map((value) => ({
          value,
          label: t(`secret.import.source.${value}`),
        }))}
      />
      <SecretField
        key={source}
        label={t(`secret.import.field.${source}`)}
        value={secret}
        onChange={setSecret}
        isMultiline={source === 'phrase'}
      />
      <Actions act={t(`secret.import.act.${source}`)} isReady={secret !== '' && !shell.busy} />
      <FailureNote failure={shell.failure} />
    </form>
  );
}

export function Unlock() {
  const { t } = useTranslation();
  const shell = useShell();
  const [passphrase, setPassphrase] = useState('');
  return (
    <form
      className="secret-form"
      onSubmit={async (event) => {
        event.preventDefault();
        if (passphrase !== '' && (await shell.ask({ type: 'unlock', passphrase }))) closeWindow();
      }}
    >
      <h1>{t('secret.unlock.title')}</h1>
      <p>{t('secret.unlock.what')}</p>
      <SecretField
        label={t('secret.unlock.passphrase')}
        value={passphrase}
        onChange={setPassphrase}
        autoFocus
      />
      <Actions act={t('secret.unlock.act')} isReady={passphrase !== '' && !shell.busy} />
      <FailureNote failure={shell.failure} />
    </form>
  );
}

/** The passphrase of a wallet that doesn't exist yet, where no keychain stores one. */
export function NewPassphrase() {
  const { t } = useTranslation();
  const shell = useShell();
  const [first, setFirst] = useState('');
  const [second, setSecond] = useState('');
  const weakness = passphraseWeakness(first);
  const ready = weakness === null && first === second;
  return (
    <form
      className="secret-form"
      onSubmit={async (event) => {
        event.preventDefault();
        if (ready && (await shell.ask({ type: 'unlock', passphrase: first }))) closeWindow();
      }}
    >
      <h1>{t('secret.newPassphrase.title')}</h1>
      <p>{t('secret.newPassphrase.what')}</p>
      <SecretField label={t('secret.export.passphrase')} value={first} onChange={setFirst} autoFocus />
      <SecretField label={t('secret.export.again')} value={second} onChange={setSecond} />
      <PassphraseHint first={first} second={second} />
      <Actions act={t('secret.newPassphrase.act')} isReady={ready && !shell.busy} />
      <FailureNote failure={shell.failure} />
    </form>
  );
}

/** Says why a new passphrase isn't accepted yet. */
function PassphraseHint({ first, second }: { first: string; second: string }) {
  const { t } = useTranslation();
  const weakness = passphraseWeakness(first);
  return (
    <p className="soft" role="status">
      {first !== '' && weakness === 'short'
        ? t('secret.export.short', { count: PASSPHRASE_LENGTH_MIN })
        : null}
      {weakness === 'repetitive' ? t('secret.export.repetitive') : null}
      {weakness === null && second !== '' && first !== second ? t('secret.export.differ') : null}
    </p>
  );
}

function Actions({ act, isReady }: { act: string; isReady: boolean }) {
  const { t } = useTranslation();
  return (
    <p className="button-row">
      <Button className="btn is-primary" type="submit" isDisabled={!isReady}>
        {act}
      </Button>
      <Button className="btn" onPress={closeWindow}>
        {t('common.cancel')}
      </Button>
    </p>
  );
}
