/**
 * Messages between the shell and its secret window. The window has no other connection, and pages have only the names
 * of its tasks.
 */
import { z } from 'zod';
import type { ERROR_CODES } from './errors.ts';

/**
 * The tasks that a page or a menu can open the window for. The others are the shell's own: the passphrase of a locked
 * wallet, and a new one where no keychain stores it.
 */
export const secretTaskSchema = z.enum(['backup', 'import', 'export']);
export type SecretTask = z.infer<typeof secretTaskSchema>;
export type SecretWindowTask = SecretTask | 'unlock' | 'new-passphrase';

const secretText = z.string().max(1_000);

/** Window to shell. */
export const secretRequestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('words') }),
  z.object({ type: z.literal('start-drill') }),
  z.object({
    type: z.literal('answer-drill'),
    id: z.string().max(100),
    words: z.array(z.string().max(20)).max(24),
  }),
  z.object({ type: z.literal('import-phrase'), phrase: secretText }),
  z.object({ type: z.literal('import-key'), key: secretText }),
  /** The shell lets the owner choose the file and reads it; the window never gets its content. */
  z.object({ type: z.literal('import-file'), passphrase: secretText }),
  /** The shell lets the owner choose the place and writes the file; the window never gets its content. */
  z.object({ type: z.literal('export-file'), passphrase: secretText }),
  z.object({ type: z.literal('unlock'), passphrase: secretText }),
  z.object({ type: z.literal('close') }),
]);
export type SecretRequest = z.infer<typeof secretRequestSchema>;

/** Shell to window. */
export type SecretAnswer =
  | { readonly type: 'words'; readonly words: readonly string[] }
  /** Counted from 1. */
  | { readonly type: 'drill'; readonly id: string; readonly positions: readonly number[] }
  | { readonly type: 'drill-answered'; readonly passed: boolean }
  | { readonly type: 'imported'; readonly address: string }
  | { readonly type: 'exported'; readonly path: string }
  /** The owner closed the system's file dialog. */
  | { readonly type: 'nothing-chosen' }
  | { readonly type: 'done' }
  /** `message` is a sentence of the agent or the shell, without a secret. */
  | { readonly type: 'failed'; readonly code: (typeof ERROR_CODES)[number] | null; readonly message: string };
