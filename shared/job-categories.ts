/** Kinds of jobs that an owner can refuse. They are known without reading a prompt's text. */
import type { AskedCompletion } from './asked.ts';

export const JOB_CATEGORIES = ['chat', 'tools', 'embeddings', 'batch'] as const;
export type JobCategory = (typeof JOB_CATEGORIES)[number];

/** Returns the categories of a request: one by what is asked for, and `batch` for a line of a batch. */
export function categoriesOf(
  { prompt }: Pick<AskedCompletion, 'prompt'>,
  isBatch: boolean,
): readonly JobCategory[] {
  return [kindOf(prompt), ...(isBatch ? (['batch'] as const) : [])];
}

function kindOf(prompt: AskedCompletion['prompt']): JobCategory {
  if (prompt.kind === 'embed') return 'embeddings';
  const hasTools = prompt.kind === 'chat' && prompt.tools !== undefined && prompt.tools.length > 0;
  return hasTools ? 'tools' : 'chat';
}
