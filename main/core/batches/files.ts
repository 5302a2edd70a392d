/** Files of batches: received with bounded memory and disk space, listed, read and deleted. */
import { BATCH_LIMITS, hasEnded, type StoredFile } from '../../../shared/batches.ts';
import { AppError } from '../../../shared/errors.ts';
import { BODY_TOO_LARGE } from '../../../shared/openai-errors.ts';
import type { BatchStore, ListPage } from '../../ports/batches.ts';
import type { Clock } from '../../ports/clock.ts';
import type { FormParts, ReadForm } from '../../ports/multipart.ts';
import { asStorageError } from '../../ports/storage.ts';
import type { BatchFolder } from './folder.ts';
import { newFileId } from './ids.ts';

export interface BatchFiles {
  /** Receives a form with the fields `file` and `purpose`. Fails with `bad-request`, `busy` or `disk-full`. */
  receive(body: ReadableStream<Uint8Array> | null, contentType: string): Promise<StoredFile>;
  /** Stores content for a batch. Fails with `bad-request`, `busy` or `disk-full`. */
  save(name: string, content: AsyncIterable<Uint8Array>): Promise<StoredFile>;
  list(page: ListPage & { readonly purpose: StoredFile['purpose'] | null }): readonly StoredFile[];
  /** Fails with `not-found`. */
  find(id: string): StoredFile;
  content(id: string): ReadableStream<Uint8Array>;
  /** Reads at most this many bytes. Fails with `not-found`. */
  readPart(id: string, offset: number, bytesMax: number): Promise<Buffer>;
  /** Fails with `not-found`, and with `busy` while a batch reads the file. */
  remove(id: string): Promise<void>;
  /** Bytes that may still be stored. */
  room(): number;
}

export interface BatchFileParts {
  readonly store: BatchStore;
  readonly folder: BatchFolder;
  readonly clock: Clock;
  readonly readForm: ReadForm;
  /** Disk space of all files and results. */
  readonly bytesMax: () => number;
}

/** Files that are received at the same time. */
const UPLOADS_MAX = 2;
const FILES_MAX = 10_000;
const NAME_CHARACTERS_MAX = 200;
const RETRY_AFTER_S = 5;

export function createBatchFiles({ store, folder, clock, readForm, bytesMax }: BatchFileParts): BatchFiles {
  let uploads = 0;
  /** Bytes that the uploads in progress may take. */
  let reserved = 0;

  async function save(name: string, content: AsyncIterable<Uint8Array>): Promise<StoredFile> {
    if (uploads >= UPLOADS_MAX) throw tooManyUploads();
    if (store.countFiles() >= FILES_MAX) throw noSpace(`There are ${FILES_MAX} files already.`);
    const left = bytesMax() - store.usedBytes() - reserved;
    if (left <= 0) throw noSpace();
    const limit = Math.min(BATCH_LIMITS.fileBytesMax, left);
    uploads += 1;
    reserved += limit;
    const id = newFileId();
    try {
      const onFull = () => (limit < BATCH_LIMITS.fileBytesMax ? noSpace() : fileTooLarge());
      const bytes = await folder.write(id, content, { bytesMax: limit, onFull });
      if (bytes === 0)
        throw new AppError('bad-request', 'The file is empty.', { details: { param: 'file' } });
      const file: StoredFile = {
        ...{ id, purpose: 'batch', bytes, createdAtMs: clock.now() },
        name: name.replace(/\p{Cc}/gu, '').slice(0, NAME_CHARACTERS_MAX) || id,
      };
      store.insertFile(file);
      await store.durable();
      return file;
    } catch (error) {
      await folder.remove(id);
      throw asStorageError(error);
    } finally {
      uploads -= 1;
      reserved -= limit;
    }
  }

  function find(id: string): StoredFile {
    const file = store.findFile(id);
    if (file === null)
      throw new AppError('not-found', `No file with the ID "${id.slice(0, NAME_CHARACTERS_MAX)}".`);
    return file;
  }

  async function remove(id: string): Promise<void> {
    find(id);
    const isInUse = store
      .openBatches()
      .some(({ inputFileId, ...batch }) => inputFileId === id && !hasEnded(batch));
    if (isInUse) throw new AppError('busy', 'A batch in progress needs this file. Cancel it first.');
    store.deleteFile(id);
    await store.durable();
    await folder.remove(id);
  }

  return {
    save,
    find,
    remove,
    list: (page) => store.listFiles(page),
    readPart: (id, offset, bytesMax) => folder.read(find(id).id, offset, bytesMax),
    content: (id) => folder.stream(find(id).id),
    room: () => bytesMax() - store.usedBytes() - reserved,
    receive: (body, contentType) => receive(readForm, { save, remove }, body, contentType),
  };
}

async function receive(
  readForm: ReadForm,
  { save, remove }: Pick<BatchFiles, 'save' | 'remove'>,
  body: ReadableStream<Uint8Array> | null,
  contentType: string,
): Promise<StoredFile> {
  let purpose: string | null = null;
  const saved: StoredFile[] = [];
  const parts: FormParts = {
    field(name, value) {
      if (name === 'purpose') purpose = value;
    },
    async file(name, fileName, content) {
      if (name !== 'file') throw invalid('file', 'The form must have the file in its field "file".');
      saved.push(await save(fileName, content));
    },
  };
  try {
    await readForm(body, contentType, parts);
    if (purpose !== 'batch') throw invalid('purpose', 'Invalid "purpose": must be "batch".');
    const [file] = saved;
    if (file === undefined) throw invalid('file', 'The form must have the file in its field "file".');
    return file;
  } catch (error) {
    for (const { id } of saved) await remove(id);
    throw error;
  }
}

function invalid(param: string, message: string): AppError {
  return new AppError('bad-request', message, { details: { param, code: 'invalid_value' } });
}

function tooManyUploads(): AppError {
  return new AppError('busy', `At most ${UPLOADS_MAX} files are received at the same time.`, {
    details: { retryAfterS: RETRY_AFTER_S },
  });
}

function fileTooLarge(): AppError {
  return new AppError('bad-request', `The file exceeds ${BATCH_LIMITS.fileBytesMax} bytes.`, {
    details: { param: 'file', code: BODY_TOO_LARGE },
  });
}

function noSpace(reason = 'The disk space for batches is used up.'): AppError {
  return new AppError(
    'disk-full',
    `${reason} Delete files, or raise “Disk space for batches” in the settings.`,
  );
}
