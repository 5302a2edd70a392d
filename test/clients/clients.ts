/** The clients that `npm run test:clients` installs and runs, and what each of them tries. */

export const ABILITIES = [
  'chat',
  'stream',
  'tools',
  'tools streamed',
  'json schema',
  'responses',
  'embeddings',
  'error',
] as const;
/** Abilities of a client that pays a provider itself. */
export const PROVIDER_ABILITIES = [
  'models',
  'price',
  'buy',
  'buy streamed',
  'refund',
  'offer',
  'vectors',
] as const;
export type Ability = (typeof ABILITIES)[number] | (typeof PROVIDER_ABILITIES)[number];

export interface ClientCase {
  /** Name of the script, which prints its results; a folder for Go. */
  readonly script: string;
  readonly name: string;
  readonly language: 'python' | 'node' | 'go';
  /** Version of Python that its package needs, if not any. */
  readonly python?: string;
  /** Packages to install; modules of Go with their version. */
  readonly packages: readonly string[];
  /** Reasons for abilities that it doesn't try. */
  readonly without: Partial<Record<Ability, string>>;
}

/** Reasons for what clients of x402 or HTTP alone don't try. */
const NO_PROOFS = { offer: 'not in the client', vectors: 'not in the client' };

/**
 * Clients of a provider: one that pays, one that half-closes its stream after each request, and a second implementation
 * of docs/protocol.md, which buys over a relay and checks what the provider signs.
 */
export const PROVIDER_CLIENTS: readonly ClientCase[] = [
  {
    script: 'x402-fetch.mjs',
    name: '@x402/fetch',
    language: 'node',
    packages: ['@x402/fetch', '@x402/evm', 'viem'],
    without: NO_PROOFS,
  },
  {
    script: 'half-closed',
    name: 'go-libp2p (HTTP over a half-closed stream)',
    language: 'go',
    packages: ['github.com/libp2p/go-libp2p@v0.52.0'],
    without: { buy: 'it can’t pay', 'buy streamed': 'it can’t pay', refund: 'it can’t pay', ...NO_PROOFS },
  },
  {
    script: 'buyer',
    name: 'a buyer in Go, from docs/protocol.md, over a relay',
    language: 'go',
    packages: ['github.com/libp2p/go-libp2p@v0.52.0'],
    without: {},
  },
];

/** The client has no such call. */
const NONE = 'not in the client';
const NO_OUTPUT_CONFIG = '`output_config` is refused; a forced tool does the same';
const CHAT_ONLY = { responses: NONE, embeddings: NONE };

export const CLIENTS: readonly ClientCase[] = [
  {
    script: 'openai_client.py',
    name: 'openai (Python)',
    language: 'python',
    packages: ['openai'],
    without: {},
  },
  { script: 'openai.mjs', name: 'openai (Node)', language: 'node', packages: ['openai'], without: {} },
  {
    script: 'ai-sdk.mjs',
    name: 'AI SDK, default provider',
    language: 'node',
    packages: ['ai', '@ai-sdk/openai', 'zod'],
    without: { chat: 'its default call is responses' },
  },
  { script: 'litellm_client.py', name: 'litellm', language: 'python', packages: ['litellm'], without: {} },
  {
    script: 'instructor_client.py',
    name: 'instructor',
    language: 'python',
    packages: ['instructor', 'openai'],
    without: { stream: 'it returns objects only', embeddings: NONE },
  },
  {
    script: 'langchain_client.py',
    name: 'LangChain (Python)',
    language: 'python',
    packages: ['langchain-openai'],
    without: {},
  },
  {
    script: 'langchain.mjs',
    name: 'LangChain (Node)',
    language: 'node',
    packages: ['@langchain/openai', '@langchain/core', 'zod'],
    without: {},
  },
  {
    script: 'pydantic_ai_client.py',
    name: 'pydantic-ai',
    language: 'python',
    packages: ['pydantic-ai-slim[openai]'],
    without: {},
  },
  {
    script: 'anthropic_client.py',
    name: 'Anthropic (Python)',
    language: 'python',
    packages: ['anthropic'],
    without: { ...CHAT_ONLY, 'json schema': NO_OUTPUT_CONFIG },
  },
  {
    script: 'anthropic.mjs',
    name: 'Anthropic (Node)',
    language: 'node',
    packages: ['@anthropic-ai/sdk'],
    without: { ...CHAT_ONLY, 'json schema': NO_OUTPUT_CONFIG },
  },
  {
    script: 'llm_client.py',
    name: 'llm',
    language: 'python',
    packages: ['llm'],
    without: {},
  },
  {
    script: 'llama_index_client.py',
    name: 'llama-index',
    language: 'python',
    packages: ['llama-index-llms-openai-like', 'llama-index-embeddings-openai-like'],
    without: {},
  },
  {
    script: 'smolagents_client.py',
    name: 'smolagents',
    language: 'python',
    packages: ['smolagents[openai]'],
    without: CHAT_ONLY,
  },
];
