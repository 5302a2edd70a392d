/** Names of an engine server's models in offers, and the hash that takes the place of their file's. */
import { createHash } from 'node:crypto';
import type { EngineServer } from '../../../shared/engine-servers.ts';

const SHORT_NAME_CHARACTERS_MAX = 120;

/**
 * Returns the ID in offers. llama-server names a model by the path of its file: folders of the owner's disk are left
 * out.
 */
export function engineModelId(serverId: string, name: string): string {
  const isPath = /^([/~]|[a-z]:[\\/])|\\/i.test(name);
  const last = isPath ? (name.split(/[/\\]/).at(-1) ?? name) : name;
  const short = last
    .replace(/\.gguf$/i, '')
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, '-')
    .slice(0, SHORT_NAME_CHARACTERS_MAX);
  return `${serverId}/${short || 'model'}`;
}

/**
 * Returns the hash that identifies the model to buyers. Nobody can tell from outside which file a server runs, so the
 * model of each server differs from all others, also of the same name: nothing is continued or compared elsewhere.
 */
export function engineModelHash({ kind, nonce }: Pick<EngineServer, 'kind' | 'nonce'>, name: string): string {
  return createHash('sha256')
    .update(JSON.stringify(['idlewatt engine server', nonce, kind, name]))
    .digest('hex');
}
