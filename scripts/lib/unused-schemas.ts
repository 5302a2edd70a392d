/**
 * Leaves out of the pages what the shared modules define for the agent alone: their schemas check what arrives there, and the
 * pages use few of them. A bundler keeps calls that may have an effect; these have none.
 */
import type { Plugin } from 'vite';

const SHARED = /\/shared\/.+\.ts$/;
/** A schema or a contract that begins here, or that is made of another one; not a check, whose effect may be to throw. */
const DEFINITION =
  /(?<![\w.$'"`])(?=(?:z|oc)\s*\.[a-z]|eventIterator\(|\w+(?:Schema|\.shape)(?:\.\w+)*\s*\.(?:array|extend|exactOptional|max|min|nullable|omit|optional|partial|pick|refine)\()/g;

export function leaveOutUnusedSchemas(): Plugin {
  return {
    name: 'idlewatt-unused-schemas',
    enforce: 'pre',
    transform: (code, id) =>
      SHARED.test(id) ? { code: code.replaceAll(DEFINITION, '/* @__PURE__ */ '), map: null } : null,
  };
}
