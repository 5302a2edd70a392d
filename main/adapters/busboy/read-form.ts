/** Reads forms with busboy, one part after another and with back-pressure: a file of any size takes no more memory. */
import { Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { Busboy } from '@fastify/busboy';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { FormParts, ReadForm } from '../../ports/multipart.ts';

/** A form of ours has one file and a handful of short fields. */
const FIELDS_MAX = 16;
const FIELD_BYTES_MAX = 1024;
const FILES_MAX = 1;

/** See {@link ReadForm}. */
export const readForm: ReadForm = async (body, contentType, parts) => {
  if (body === null) throw invalidForm('The form is empty.');
  const source = Readable.fromWeb(body as NodeReadableStream<Uint8Array>);
  try {
    await read(source, contentType, parts);
  } catch (error) {
    throw isAppError(error)
      ? error
      : isFormError(error)
        ? invalidForm('The form could not be read.', error)
        : error;
  } finally {
    source.destroy();
  }
};

function read(source: Readable, contentType: string, parts: FormParts): Promise<void> {
  const { promise, resolve, reject: fail } = Promise.withResolvers<void>();
  const form = new Busboy({
    headers: { 'content-type': contentType },
    limits: {
      fields: FIELDS_MAX,
      fieldSize: FIELD_BYTES_MAX,
      files: FILES_MAX,
      parts: FIELDS_MAX + FILES_MAX,
    },
  });
  const files: Promise<void>[] = [];
  const contents: Readable[] = [];
  const reject = (error: Error) => {
    // Busboy leaves the file of an incomplete form open.
    for (const content of contents) content.destroy(error);
    // What takes the files has cleaned up by then.
    void Promise.allSettled(files).then(() => fail(error));
  };
  form.on('field', (name, value) => parts.field(name, value));
  form.on('file', (name, stream, fileName) => {
    const taken = parts.file(name, fileName ?? '', stream as AsyncIterable<Uint8Array>);
    taken.catch(reject);
    contents.push(stream);
    // The form reports what is wrong with it; what else ends the stream is known.
    stream.on('error', () => undefined);
    files.push(taken);
  });
  for (const limit of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const) {
    form.on(limit, () => reject(invalidForm('The form has more parts than are allowed.')));
  }
  form.on('finish', () => void Promise.all(files).then(() => resolve(), reject));
  form.on('error', (error) => reject(new FormError(error)));
  source.on('error', (error) => reject(new FormError(error)));
  source.pipe(form);
  return promise;
}

/** A failure of the form or its connection, and not of what takes its parts. */
class FormError extends Error {
  constructor(cause: unknown) {
    super('the form could not be read', { cause });
  }
}

/** Busboy's constructor throws for a content type without a boundary. */
function isFormError(error: unknown): boolean {
  return (
    error instanceof FormError || (error instanceof Error && /boundary|content.type/i.test(error.message))
  );
}

function invalidForm(message: string, cause?: unknown): AppError {
  return new AppError('bad-request', message, { cause, details: { code: 'invalid_body' } });
}
