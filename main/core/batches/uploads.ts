/** Uploads of pages, which send a file in parts over their connection to the agent. */
import { randomUUID } from 'node:crypto';
import type { StoredFile } from '../../../shared/batches.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { BatchFiles } from './files.ts';

export interface Uploads {
  /** Returns the upload's ID. Fails like {@link BatchFiles.save} with the next part. */
  open(name: string): string;
  /** Resolves when the next part may come. Fails with `not-found`, or with what ended the upload. */
  add(id: string, part: Uint8Array): Promise<void>;
  /** Resolves when the file is on disk. Fails like `add`. */
  finish(id: string): Promise<StoredFile>;
}

interface Upload {
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly saved: Promise<StoredFile>;
  timer: Timer;
}

/** A page that was closed sends no further part. */
const SILENCE_MS_MAX = 30_000;

export function createUploads(files: Pick<BatchFiles, 'save'>, clock: Clock): Uploads {
  const uploads = new Map<string, Upload>();

  function find(id: string): Upload {
    const upload = uploads.get(id);
    if (upload === undefined)
      throw new AppError('not-found', 'This upload was broken off. Upload the file again.');
    upload.timer.cancel();
    return upload;
  }

  function watch(id: string): Timer {
    return clock.after(SILENCE_MS_MAX, () => {
      const upload = uploads.get(id);
      uploads.delete(id);
      return upload?.writer
        .abort(new AppError('aborted', 'The upload was broken off.'))
        .catch(() => undefined);
    });
  }

  return {
    open(name) {
      const id = randomUUID();
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const writer = writable.getWriter();
      const saved = files.save(name, readable);
      // What fails here is reported by the next call.
      saved.catch((error: unknown) => writer.abort(error).catch(() => undefined));
      writer.closed.catch(() => undefined);
      uploads.set(id, { writer, saved, timer: watch(id) });
      return id;
    },
    async add(id, part) {
      const upload = find(id);
      try {
        // The first failure is that of the file.
        await Promise.race([upload.writer.write(part), upload.saved]);
      } catch (error) {
        uploads.delete(id);
        throw await upload.saved.then(
          () => error,
          (cause: unknown) => cause,
        );
      }
      upload.timer = watch(id);
    },
    async finish(id) {
      const upload = find(id);
      uploads.delete(id);
      await upload.writer.close().catch(() => undefined);
      return upload.saved;
    },
  };
}
