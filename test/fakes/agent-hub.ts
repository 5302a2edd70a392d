/** Answers of the fake agent's hub: a repository to choose from, a model by its link, and a refusal. */
import type { HubAnswer } from '../../shared/model-files.ts';

const REVISION = '0c'.repeat(20);
const PAGE = `https://huggingface.co/ada/alpha-GGUF/blob/${REVISION}`;

/** A link that names a file leads to a model, one that names `gated` to a refusal, any other to a choice. */
export function hubAnswer(link: string): HubAnswer {
  if (link.includes('gated')) return { kind: 'refused', problem: 'gated', detail: '' };
  if (link.endsWith('.gguf')) return { kind: 'model', model: MODEL };
  return {
    kind: 'files',
    repo: 'ada/alpha-GGUF',
    revision: REVISION,
    license: 'apache-2.0',
    files: [
      {
        link: `${PAGE}/alpha-Q4_K_M.gguf`,
        path: 'alpha-Q4_K_M.gguf',
        sizeBytes: 2_400_000_000,
        problem: null,
      },
      {
        link: `${PAGE}/mmproj-F16.gguf`,
        path: 'mmproj-F16.gguf',
        sizeBytes: 800_000_000,
        problem: 'vision-only',
      },
    ],
  };
}

const MODEL: Extract<HubAnswer, { kind: 'model' }>['model'] = {
  link: `${PAGE}/alpha-Q4_K_M.gguf`,
  repo: 'ada/alpha-GGUF',
  revision: REVISION,
  path: 'alpha-Q4_K_M.gguf',
  sizeBytes: 2_400_000_000,
  sha256: '7a'.repeat(32),
  name: 'Alpha 4B',
  publisher: 'ada',
  license: 'apache-2.0',
  parameters: '4B',
  quantisation: 'Q4_K_M',
  contextTokens: 32_768,
  fit: 'tight',
  use: 'chat',
  problem: null,
  detail: '',
};
