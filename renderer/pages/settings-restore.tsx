/** Settings page: restores one of the backups, after what it contains and what it would replace was checked and shown. */
import { useId, useState } from 'react';
import type { BackupFacts, KeptFile, RestoreResult } from '../../shared/api/maintenance.ts';
import { useAction } from '../calls.ts';
import { writeBytes, writeExactTime, writeNumber } from '../format.ts';
import { ActionButton, buttonClass } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

/** Row with the backups to choose from; without one, a desktop chooses a file. */
export function Restore(props: {
  backups: readonly KeptFile[];
  /** Of backups; null until it is known. */
  folder: string | null;
  last: RestoreResult | null;
  /** A backup was added. */
  onAdded: () => void;
}) {
  const { backups, folder, last, onAdded } = props;
  const id = useId();
  const { t, language } = useStrings();
  const { host } = useSection('app');
  const [picked, setPicked] = useState<string | null>(null);
  const inspect = useAction(async (name: string) => ({
    name,
    facts: await agent.maintenance.inspectBackup({ name }),
  }));
  const add = useAction(async (_: null) => {
    const { name: added } = await agent.maintenance.addBackup({});
    if (added === null) return;
    setPicked(added);
    onAdded();
  });
  const names = backups.map(({ path }) => nameOf(path));
  const name = picked !== null && names.includes(picked) ? picked : (names[0] ?? null);
  const found = inspect.result?.name === name ? inspect.result : null;
  const isDesktop = host === 'desktop';
  return (
    <li className="restore">
      <div>
        {name === null ? (
          <b>{t('maintenance.restore')}</b>
        ) : (
          <label htmlFor={id}>
            <b>{t('maintenance.restore')}</b>
          </label>
        )}
        <p className="sm soft" id={`${id}-note`}>
          {t('maintenance.restoreNote')}
        </p>
      </div>
      <div className="restore-choice">
        {name === null ? null : (
          <>
            <select
              id={id}
              className="select"
              value={name}
              aria-describedby={`${id}-note`}
              onChange={(event) => setPicked(event.target.value)}
            >
              {backups.map((file) => (
                <option key={file.path} value={nameOf(file.path)}>
                  {labelOf(file, language)}
                </option>
              ))}
            </select>
            <ActionButton isSmall isDisabled={inspect.busy} onPress={() => inspect.run(name)}>
              {t(inspect.busy ? 'maintenance.checking' : 'maintenance.check')}
            </ActionButton>
          </>
        )}
        {isDesktop ? (
          <ActionButton isSmall isDisabled={add.busy} onPress={() => add.run(null)}>
            {t('maintenance.chooseFile')}
          </ActionButton>
        ) : null}
      </div>
      {isDesktop || folder === null ? null : (
        <div className="sm soft">
          <Place text={t('maintenance.elsewhere')} path={folder} />
        </div>
      )}
      {found ? <Found name={found.name} facts={found.facts} /> : null}
      <LastRestore result={last} />
      <ProblemNote problem={inspect.problem ?? add.problem} />
    </li>
  );
}

/** Shows what the backup contains and replaces, with the button that restores it. */
function Found({ name, facts }: { name: string; facts: BackupFacts }) {
  const { t, language } = useStrings();
  const restore = useAction((_: null) =>
    agent.maintenance.restore({ name, checksum: facts.checksum, acceptsEntriesLost: facts.entriesLost }),
  );
  const time = writeExactTime(facts.createdAtMs, language);
  const loss = lossOf(facts);
  const counted = (count: number) => ({ count, entries: writeNumber(count, language, 0) });
  if (restore.result !== null) {
    return (
      <Note role="status">
        <p>{t(restore.result.restarts ? 'maintenance.restarting' : 'maintenance.startAgain')}</p>
      </Note>
    );
  }
  const losses = (
    <p>
      {loss === 'none'
        ? t('maintenance.loss.none')
        : t(`maintenance.loss.${loss}`, counted(facts.entriesLost))}
    </p>
  );
  return (
    <>
      <Note
        tone={loss === 'none' ? 'info' : 'warning'}
        role="status"
        title={t('maintenance.found', { time, ...counted(facts.entries) })}
      >
        {losses}
        {facts.wallet !== facts.walletHere ? (
          <p>
            {t('maintenance.otherWallet', {
              wallet: facts.wallet ?? t('common.none'),
              here: facts.walletHere ?? t('common.none'),
            })}
          </p>
        ) : null}
        <Confirm
          button={t('maintenance.restoreAct')}
          className={buttonClass({ kind: 'danger', isSmall: true })}
          isDisabled={restore.busy}
          title={t('maintenance.restoreAsk', { time })}
          act={t('maintenance.restoreAct')}
          isDanger
          onAct={() => restore.run(null)}
        >
          {losses}
          <p>{t('maintenance.restoreAskText')}</p>
        </Confirm>
      </Note>
      <ProblemNote problem={restore.problem} />
    </>
  );
}

/** Shows how the latest restore ended. */
function LastRestore({ result }: { result: RestoreResult | null }) {
  const { t, language } = useStrings();
  if (result === null) return null;
  const time = writeExactTime(result.atMs, language);
  if (result.outcome === 'failed') {
    return (
      <Note tone="warning" title={t('maintenance.restoreFailed', { time })}>
        <p className="note-source">{t('problem.said', { message: result.message })}</p>
      </Note>
    );
  }
  return (
    <Note tone="info" title={t('maintenance.restored', { time })}>
      <Place text={t('maintenance.aside')} path={result.aside} />
    </Note>
  );
}

/** A sentence about a file or folder, and its path to copy. */
export function Place({ text, path }: { text: string; path: string | null }) {
  return (
    <>
      {text}{' '}
      {path === null ? null : (
        <span className="identifier">
          <code className="wallet-code">{path}</code>
          <CopyButton text={path} label={path} isIcon />
        </span>
      )}
    </>
  );
}

function lossOf({ entriesLost, isSameLedger }: BackupFacts): 'none' | 'same' | 'other' {
  if (entriesLost === 0) return 'none';
  return isSameLedger ? 'same' : 'other';
}

/** The name of a file, on Windows too. */
function nameOf(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

function labelOf(file: KeptFile, language: Parameters<typeof writeBytes>[1]): string {
  const name = nameOf(file.path);
  const size = writeBytes(file.bytes, language);
  // The agent's own names say no more than the time.
  const isOwn = /^idlewatt-\d{8}-\d{6}\./.test(name);
  return isOwn ? `${writeExactTime(file.atMs, language)}, ${size}` : `${name}, ${size}`;
}
