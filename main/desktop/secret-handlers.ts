/**
 * What the window for secrets asks is done here: by the agent, over the shell's own port, and by the system's
 * file dialogs. Secrets pass through and are kept nowhere.
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { ContractRouterClient } from '@orpc/contract';
import { type BrowserWindow, dialog } from 'electron';
import type { Contract } from '../../shared/api/contract.ts';
import { decodeApiError } from '../../shared/api/errors.ts';
import { assertNever } from '../../shared/assert.ts';
import type { SecretAnswer, SecretRequest } from '../../shared/secret-window.ts';

/** The calls that have a secret in them. */
export type SecretCalls = Pick<
  ContractRouterClient<Contract>['shell'],
  'revealPhrase' | 'startBackupDrill' | 'answerBackupDrill' | 'importWallet' | 'exportKeystore'
>;

export interface SecretDeskOptions {
  /** Null while no agent answers. */
  readonly calls: () => SecretCalls | null;
  /** What locks the key file on this machine; null where it is not known. */
  readonly passphrase: () => Promise<string | null>;
  /** The imported wallet holds from the agent's next start. */
  readonly onImported: () => void;
  /** The owner typed the pass phrase of a wallet that is locked. */
  readonly unlock: (passphrase: string) => void;
  readonly suggestedFile: string;
}

const OWNER_ONLY = 0o600;
/** As much as the API takes; key files have less than a thousand bytes. */
const KEY_FILE_BYTES_MAX = 20_000;

/** Never rejects: a failure is an answer, without anything secret in it. */
export async function answerSecret(
  request: SecretRequest,
  window: BrowserWindow,
  options: SecretDeskOptions,
): Promise<SecretAnswer> {
  try {
    if (request.type === 'unlock') {
      options.unlock(request.passphrase);
      return { type: 'done' };
    }
    const calls = options.calls();
    const passphrase = await options.passphrase();
    if (calls === null) return { type: 'failed', code: null, message: 'The agent does not answer.' };
    if (passphrase === null) {
      return { type: 'failed', code: 'keystore-locked', message: 'The pass phrase is not known here.' };
    }
    return await carryOut(request, window, calls, passphrase, options);
  } catch (error) {
    return failed(error);
  }
}

async function carryOut(
  request: Exclude<SecretRequest, { type: 'unlock' }>,
  window: BrowserWindow,
  calls: SecretCalls,
  passphrase: string,
  options: SecretDeskOptions,
): Promise<SecretAnswer> {
  const bring = async (source: Parameters<SecretCalls['importWallet']>[0]['source']) => {
    const { address } = await calls.importWallet({ source, passphrase });
    options.onImported();
    return { type: 'imported' as const, address };
  };
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
      return bring({ type: 'phrase', phrase: request.phrase });
    case 'import-key':
      return bring({ type: 'key', key: request.key });
    case 'import-file': {
      const keystore = await readChosen(window);
      if (keystore === null) return { type: 'nothing-chosen' };
      return bring({ type: 'keystore', keystore, passphrase: request.passphrase });
    }
    case 'export-file': {
      const { filePath } = await dialog.showSaveDialog(window, {
        defaultPath: options.suggestedFile,
        filters: KEY_FILES,
      });
      if (!filePath) return { type: 'nothing-chosen' };
      const { keystore } = await calls.exportKeystore({ passphrase, exportPassphrase: request.passphrase });
      await writeFile(filePath, keystore, { mode: OWNER_ONLY });
      return { type: 'exported', path: filePath };
    }
    case 'close':
      return { type: 'done' };
    default:
      return assertNever(request);
  }
}

const KEY_FILES = [{ name: 'JSON', extensions: ['json'] }];

async function readChosen(window: BrowserWindow): Promise<string | null> {
  const { filePaths } = await dialog.showOpenDialog(window, { properties: ['openFile'], filters: KEY_FILES });
  const [path] = filePaths;
  if (path === undefined) return null;
  const text = await readFile(path, 'utf8');
  return text.slice(0, KEY_FILE_BYTES_MAX);
}

/** The agent's own sentence where there is one; of anything else only its code, since nobody knows what it says. */
function failed(error: unknown): SecretAnswer {
  const failure = decodeApiError(error);
  if (failure?.isForPeople) return { type: 'failed', code: failure.code, message: failure.message };
  if (failure?.code === 'bad-request') {
    return { type: 'failed', code: 'bad-request', message: 'That is not understood.' };
  }
  const reason = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return { type: 'failed', code: null, message: `It could not be done${reason}.` };
}
