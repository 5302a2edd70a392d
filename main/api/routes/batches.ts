/** Routes for batches of pages: upload, begin, cancel and download. */
import { FILE_PART_BYTES_MAX } from '../../../shared/api/batches.ts';
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function batchRoutes(api: ApiImplementer['batches'], { batches }: Pick<ApiParts, 'batches'>) {
  return {
    openUpload: api.openUpload.handler(({ input }) => ({ id: batches.uploads.open(input.name) })),
    addPart: api.addPart.handler(async ({ input }) => {
      await batches.uploads.add(input.id, Buffer.from(input.base64, 'base64'));
      return {};
    }),
    create: api.create.handler(async ({ input }) => {
      const { id: inputFileId } = await batches.uploads.finish(input.id);
      const endpoint = input.endpoint ?? (await batches.endpointOf(inputFileId));
      const { id } = await batches.create({ inputFileId, endpoint, metadata: null, keyId: null });
      return { id };
    }),
    cancel: api.cancel.handler(async ({ input }) => {
      await batches.cancel(input.id);
      return {};
    }),
    readPart: api.readPart.handler(async ({ input }) => {
      const { name, bytes } = batches.files.find(input.id);
      const part = await batches.files.readPart(input.id, input.offset, FILE_PART_BYTES_MAX);
      return { base64: part.toString('base64'), bytes, name };
    }),
  };
}
