/**
 * Handles the requests of the secret window: with the agent, over the shell's own port, and with the system's file
 * dialogs. Secrets pass through and are stored nowhere.
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { ContractRouterClient } from '@orpc/contract';
import { type BrowserWindow, dialog } from 'electron';
import type { Contract } from '../../shared/api/contract.ts';
import { decodeApiError } from '../../shared/api/errors.ts';
import { assertNever } from '../../shared/assert.ts';
import type { SecretAnswer, SecretRequest } from '../../shared/secret-window.ts';
import { type Language, text } from '../../shared/strings/index.ts';

/** The API's calls that carry a secret. */
export type SecretCalls = Pick<
  ContractRouterClient<Contract>['shell'],
  'revealPhrase' | 'startBackupDrill' | 'answerBackupDrill' | 'importWallet' | 'exportKeystore'
>;

export interface SecretHandlerOptions {
  /** For the sentences of failures. */
  readonly language: () => Language;
  /** Null while no agent responds. */
  readonly calls: () => SecretCalls | null;
  /** The passphrase of the keystore on this machine; null if it isn't known. */
  readonly passphrase: () => Promise<string | null>;
  /** The imported wallet is used from the agent's next start. */
  readonly onImported: () => void;
  /** The owner typed the passphrase of a locked wallet. */
  readonly unlock: (passphrase: string) => void;
  readonly suggestedFile: string;
}

/** A request that needs the agent, with everything needed to handle it. */
interface Task {
  readonly window: BrowserWindow;
  readonly calls: SecretCalls;
  readonly passphrase: string;
  readonly options: SecretHandlerOptions;
}

const OWNER_ONLY = 0o600;
/** The API's limit; keystore files have less than a thousand bytes. */
const KEY_FILE_BYTES_MAX = 20_000;
const KEY_FILES = [{ name: 'JSON', extensions: ['json'] }];

/** Never rejects: a failure is a response, without anything secret in it. */
export async function answerSecret(
  request: SecretRequest,
  window: BrowserWindow,
  options: SecretHandlerOptions,
): Promise<SecretAnswer> {
  const language = options.language();
  try {
    if (request.type === 'unlock') {
      options.unlock(request.passphrase);
      return { type: 'done' };
    }
    const calls = options.calls();
    const passphrase = await options.passphrase();
    if (calls === null) {
      return { type: 'failed', code: null, message: text(language, 'secretFailure.noAgent') };
    }
    if (passphrase === null) {
      const message = text(language, 'secretFailure.passphraseUnknown');
      return { type: 'failed', code: 'keystore-locked', message };
    }
    return await handle(request, { window, calls, passphrase, options });
  } catch (error) {
    return failed(error, language);
  }
}

async function handle(
  request: Exclude<SecretRequest, { type: 'unlock' }>,
  task: Task,
): Promise<SecretAnswer> {
  const { window, calls, passphrase } = task;
  switch (request.type) {
    case 'words':
      return { type: 'words', ...(await calls.revealPhrase({ passphrase })) };
    case 'start-drill':
      return { type: 'drill', ...(await calls.startBackupDrill({ passphrase })) };
    case 'answer-drill': {
      const { id, words } = request;
      return { type: 'drill-answered', ...(await calls.answerBackupDrill({ id, words })) };
    }
    case 'import-phrase':
      return importFrom({ type: 'phrase', phrase: request.phrase }, task);
    case 'import-key':
      return importFrom({ type: 'key', key: request.key }, task);
    case 'import-file': {
      const keystore = await readChosen(window);
      if (keystore === null) return { type: 'nothing-chosen' };
      return importFrom({ type: 'keystore', keystore, passphrase: request.passphrase }, task);
    }
    case 'export-file':
      return exportTo(request.passphrase, task);
    case 'close':
      return { type: 'done' };
    default:
      return assertNever(request);
  }
}

async function importFrom(
  source: Parameters<SecretCalls['importWallet']>[0]['source'],
  { calls, passphrase, options }: Task,
): Promise<SecretAnswer> {
  const { address } = await calls.importWallet({ source, passphrase });
  options.onImported();
  return { type: 'imported', address };
}

async function exportTo(
  exportPassphrase: string,
  { window, calls, passphrase, options }: Task,
): Promise<SecretAnswer> {
  const { filePath } = await dialog.showSaveDialog(window, {
    defaultPath: options.suggestedFile,
    filters: KEY_FILES,
  });
  if (!filePath) return { type: 'nothing-chosen' };
  const { keystore } = await calls.exportKeystore({ passphrase, exportPassphrase });
  await writeFile(filePath, keystore, { mode: OWNER_ONLY });
  return { type: 'exported', path: filePath };
}

async function readChosen(window: BrowserWindow): Promise<string | null> {
  const { filePaths } = await dialog.showOpenDialog(window, { properties: ['openFile'], filters: KEY_FILES });
  const [path] = filePaths;
  if (path === undefined) return null;
  const content = await readFile(path, 'utf8');
  return content.slice(0, KEY_FILE_BYTES_MAX);
}

/** Passes on the agent's own sentences; of any other error only its code, since its message may hold a secret. */
function failed(error: unknown, language: Language): SecretAnswer {
  const failure = decodeApiError(error);
  if (failure?.isForPeople) return { type: 'failed', code: failure.code, message: failure.message };
  if (failure?.code === 'bad-request') {
    return { type: 'failed', code: 'bad-request', message: text(language, 'secretFailure.badInput') };
  }
  const reason = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return { type: 'failed', code: null, message: text(language, 'secretFailure.failed', { reason }) };
}
