/** The endpoints that sell an answer or vectors, and what all their answers have in common. */
import type { AskedCompletion } from '../../../shared/asked.ts';
import { readEmbeddings } from '../../../shared/embeddings-request.ts';
import { readMessagesRequest } from '../../../shared/messages-request.ts';
import { readCompletion } from '../../../shared/openai.ts';
import { readResponsesRequest } from '../../../shared/responses-request.ts';
import {
  CHAT_PATH,
  EMBEDDINGS_PATH,
  IGNORED_HEADER,
  MESSAGES_PATH,
  RESPONSES_PATH,
  TEXT_PATH,
} from '../../../shared/wire.ts';

/** Reads a request body. Fails with `bad-request`. */
export type ReadAsked = (body: unknown) => AskedCompletion;

export const PAID_ENDPOINTS: readonly { readonly path: string; readonly read: ReadAsked }[] = [
  { path: CHAT_PATH, read: (body) => readCompletion('chat', body) },
  { path: TEXT_PATH, read: (body) => readCompletion('text', body) },
  { path: RESPONSES_PATH, read: readResponsesRequest },
  { path: MESSAGES_PATH, read: readMessagesRequest },
  { path: EMBEDDINGS_PATH, read: readEmbeddings },
];

/** Headers of an answer: the parameters that had no effect. */
export function answerHeaders({ ignored }: Pick<AskedCompletion, 'ignored'>): Record<string, string> {
  return ignored.length === 0 ? {} : { [IGNORED_HEADER]: ignored.join(', ') };
}
