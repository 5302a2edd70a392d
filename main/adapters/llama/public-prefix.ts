/**
 * Finds the beginnings that a chat template writes regardless of the messages: the same for every requester, so that
 * reusing their computed tokens tells nothing about anyone.
 */
import type { ChatMessage } from '../../ports/engine.ts';
import type { Template } from './chat-template.ts';
import { commonLength } from './sequence-pool.ts';

/** Contents that have nothing in common, so that what their prompts have in common is the template's own. */
const PROBES = ['a', '7'];

const CONVERSATIONS: readonly ((content: string) => readonly ChatMessage[])[] = [
  (content) => [{ role: 'user', content }],
  (content) => [
    { role: 'system', content },
    { role: 'user', content },
  ],
];

/** Returns the public beginnings for conversations with and without a system message; fewer if a template refuses one. */
export function publicPrefixes(template: Template): readonly (readonly number[])[] {
  return CONVERSATIONS.flatMap((conversation) => {
    try {
      const [first = [], second = []] = PROBES.map(
        (content) => template.tokenize({ kind: 'chat', messages: conversation(content) }).tokens,
      );
      return [first.slice(0, commonLength(first, second))];
    } catch {
      // Some templates have no system message.
      return [];
    }
  });
}
