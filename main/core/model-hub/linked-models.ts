/** Adds models by link: shows the owner what a link leads to, and downloads exactly that after they agreed. */
import { AppError } from '../../../shared/errors.ts';
import type { HubAnswer } from '../../../shared/model-files.ts';
import type { Log } from '../../ports/log.ts';
import { type LinkedEntry, linkedModelId, type ModelStore } from '../models/index.ts';
import type { FoundModel, ModelHub } from './hub.ts';

export interface LinkedModels {
  lookUp(link: string, signal?: AbortSignal): Promise<HubAnswer>;
  /**
   * Looks the link up again and adds the model if it still has this checksum; returns its ID. Fails with
   * `checksum-mismatch`, `not-found`, `model-unavailable` or `busy` (too many models).
   */
  add(
    wanted: { readonly link: string; readonly sha256: string },
    signal?: AbortSignal,
  ): Promise<{ readonly id: string }>;
}

export function createLinkedModels({
  hub,
  models,
  log,
}: {
  readonly hub: ModelHub;
  readonly models: Pick<ModelStore, 'addLinked' | 'fitOf'>;
  readonly log: Log;
}): LinkedModels {
  return {
    async lookUp(link, signal) {
      const answer = await hub.lookUp(link, signal);
      if (answer.kind === 'refused')
        log.info('A link to a model leads to nothing', { problem: answer.problem, detail: answer.detail });
      if (answer.kind !== 'model') return answer;
      const { url: _, contextBytesPerToken: __, ...shown } = answer.model;
      return { kind: 'model', model: { ...shown, fit: models.fitOf(answer.model) } };
    },
    async add({ link, sha256 }, signal) {
      const answer = await hub.lookUp(link, signal);
      if (answer.kind !== 'model')
        throw new AppError('not-found', 'The link no longer leads to this file. Look it up again.');
      const { model } = answer;
      if (model.sha256 !== sha256) {
        throw new AppError(
          'checksum-mismatch',
          'The file behind the link has changed since you looked. Look it up again.',
        );
      }
      if (model.problem !== null)
        throw new AppError('model-unavailable', `The file can’t be served (${model.problem}).`);
      const id = models.addLinked(entryOf(model));
      const { repo, revision, path, sizeBytes } = model;
      log.info('A model was added by link', { model: id, repo, revision, path, sizeBytes, sha256 });
      return { id };
    },
  };
}

function entryOf(model: FoundModel): LinkedEntry {
  const { name, publisher, license, parameters, quantisation, contextTokens, contextBytesPerToken } = model;
  return {
    id: linkedModelId(model.path, model.sha256),
    ...{ name, publisher, license, parameters, quantisation, contextTokens, contextBytesPerToken },
    use: model.use ?? 'text',
    sizeBytes: model.sizeBytes,
    sha256: model.sha256,
    url: model.url,
    link: model.link,
  };
}
