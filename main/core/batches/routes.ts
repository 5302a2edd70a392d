/** The HTTP routes for files and batches, as OpenAI defines them. The caller has checked the key. */
import type { Context, Hono } from 'hono';
import { FILE_PURPOSES, type StoredBatch, type StoredFile } from '../../../shared/batches.ts';
import { AppError } from '../../../shared/errors.ts';
import { MEDIA_TYPE_NOT_SUPPORTED } from '../../../shared/openai-errors.ts';
import { BATCHES_PATH, FILES_PATH } from '../../../shared/wire.ts';
import { readJsonBody } from '../openai-http/index.ts';
import type { Batches } from './service.ts';
import { batchObject, fileObject, listObject, readCreateBatch, readPage } from './shapes.ts';

export function addBatchRoutes(
  app: Hono,
  batches: Batches,
  { assetId, keyIdOf }: { readonly assetId: string; readonly keyIdOf: (context: Context) => string },
): void {
  addFileRoutes(app, batches);
  const shown = (batch: StoredBatch) => batchObject(batch, batches.waitOf(batch.id), assetId);
  app.post(BATCHES_PATH, async (context) => {
    const { input_file_id: inputFileId, endpoint, metadata } = readCreateBatch(await readJsonBody(context));
    const batch = await batches.create({
      inputFileId,
      endpoint,
      metadata: metadata ?? null,
      keyId: keyIdOf(context),
    });
    return context.json(shown(batch));
  });
  app.get(BATCHES_PATH, (context) => {
    const { limit, page } = readPage(context.req.query(), 'batches');
    return context.json(listObject(batches.list(page).map(shown), limit));
  });
  app.get(`${BATCHES_PATH}/:id`, (context) => context.json(shown(batches.find(context.req.param('id')))));
  app.post(`${BATCHES_PATH}/:id/cancel`, async (context) => {
    // The batch as the cancellation left it: it may have ended since.
    return context.json(shown(await batches.cancel(context.req.param('id'))));
  });
}

function addFileRoutes(app: Hono, { files }: Batches): void {
  app.post(FILES_PATH, async (context) => {
    const type = context.req.header('content-type') ?? '';
    if (!/^multipart\/form-data\s*;/i.test(type)) {
      throw new AppError('bad-request', 'Send the file as multipart/form-data.', {
        details: { code: MEDIA_TYPE_NOT_SUPPORTED },
      });
    }
    return context.json(fileObject(await files.receive(context.req.raw.body, type)));
  });
  app.get(FILES_PATH, (context) => {
    const { limit, page } = readPage(context.req.query(), 'files');
    const found = files.list({ ...page, purpose: purposeOf(context) });
    return context.json(listObject(found.map(fileObject), limit));
  });
  app.get(`${FILES_PATH}/:id`, (context) => context.json(fileObject(files.find(context.req.param('id')))));
  app.get(`${FILES_PATH}/:id/content`, (context) => {
    const { id, bytes } = files.find(context.req.param('id'));
    return new Response(files.content(id), {
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(bytes) },
    });
  });
  app.delete(`${FILES_PATH}/:id`, async (context) => {
    const { id } = files.find(context.req.param('id'));
    await files.remove(id);
    return context.json({ id, object: 'file', deleted: true });
  });
}

/** The purpose of a query; null for all of them. */
function purposeOf(context: Context): StoredFile['purpose'] | null {
  const given = context.req.query('purpose');
  if (given === undefined) return null;
  const purpose = FILE_PURPOSES.find((each) => each === given);
  if (purpose !== undefined) return purpose;
  throw new AppError('bad-request', `Invalid "purpose": must be ${FILE_PURPOSES.join(' or ')}.`, {
    details: { param: 'purpose', code: 'invalid_value' },
  });
}
