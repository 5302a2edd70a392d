/**
 * The parameters of each endpoint: supported, ignored or refused. One table, from which requests are read and
 * `docs/api.md` is made. A parameter that isn't listed is ignored, and the response names it.
 */

/**
 * `supported`: has its meaning, within the values of `note`. `ignored`: accepted, since the answer means the same
 * without it. `refused`: rejected by name unless its value changes nothing.
 */
export type Support = 'supported' | 'ignored' | 'refused';

export interface Parameter {
  readonly name: string;
  readonly support: Support;
  /** Values of a refused parameter that change nothing. */
  readonly harmless?: readonly unknown[];
  /** Values, conditions or models. */
  readonly note?: string;
}

export type Endpoint = 'chat' | 'text' | 'responses' | 'messages' | 'embeddings';

const WITH_TOOLS = 'models with the feature tools';
const yes = (name: string, note?: string): Parameter => ({
  name,
  support: 'supported',
  ...(note !== undefined && { note }),
});
const ignored = (...names: readonly string[]): readonly Parameter[] =>
  names.map((name) => ({ name, support: 'ignored' }));
const refused = (name: string, harmless: readonly unknown[] = [], note?: string): Parameter => ({
  name,
  support: 'refused',
  harmless: [null, ...harmless],
  ...(note !== undefined && { note }),
});

const SAMPLING: readonly Parameter[] = [
  yes('temperature', '0 to 2; default 1'),
  yes('top_p', '0 to 1; default 1'),
  yes('seed', 'repeats an answer if nothing else runs: batching with other answers can change roundings'),
  yes('stop', 'up to 4 strings'),
  yes('frequency_penalty', '-2 to 2, over the answer’s last 1,024 tokens'),
  yes('presence_penalty', '-2 to 2, over the answer’s last 1,024 tokens'),
  yes('repeat_penalty', '0.1 to 2, over the answer’s last 1,024 tokens; llama.cpp’s parameter'),
  yes('top_k', '0 (all) to 1,000; default 40'),
  yes('min_p', '0 to 1; default 0'),
  yes('logit_bias', 'up to 300 tokens, -100 to 100; tokens that end an answer can’t be biased'),
  yes('n', '1 to 4; each choice reads the prompt, and `usage` counts it for each'),
  yes('stream'),
  yes('stream_options', '`include_usage`; `include_obfuscation` is ignored'),
  yes(
    'return_token_ids',
    'vLLM’s: token IDs of each choice, with which a receipt can be checked; 4294967295 for one that the provider’s engine doesn’t report',
  ),
  yes('max_tokens', 'default: what fits, up to 1,024'),
];

/** Parameters of other servers that would change the answer. */
const FOREIGN: readonly Parameter[] = [
  ...['grammar', 'json_schema', 'guided_json', 'guided_regex', 'guided_choice', 'guided_grammar'],
  ...['structured_outputs', 'min_tokens', 'ignore_eos', 'bad_words', 'logits_processors', 'chat_template'],
  ...['typical_p', 'mirostat', 'dry_multiplier', 'xtc_probability', 'dynatemp_range', 'images', 'documents'],
].map((name) => refused(name));

const HARMLESS_NAMES = ['user', 'metadata', 'store', 'service_tier', 'safety_identifier', 'prompt_cache_key'];
const HARMLESS_TEXT = [...HARMLESS_NAMES, 'prompt_cache_retention', 'verbosity'];

const CHAT: readonly Parameter[] = [
  yes('model'),
  yes('messages', 'text; roles system, developer, user, assistant and tool'),
  yes('max_completion_tokens', 'the same as `max_tokens`'),
  ...SAMPLING,
  yes('tools', `functions; ${WITH_TOOLS}`),
  yes('tool_choice', `auto, none, required or a function; ${WITH_TOOLS}`),
  yes('parallel_tool_calls', WITH_TOOLS),
  yes('response_format', 'text, json_object or json_schema; not with tools unless `tool_choice` is none'),
  yes('logprobs', 'among the 1,024 most likely tokens; not with tools'),
  yes('top_logprobs', '0 to 20'),
  yes(
    'reasoning_effort',
    '`none` turns thinking off in models with the feature reasoning; other values are ignored',
  ),
  yes('chat_template_kwargs', 'only `enable_thinking`'),
  yes('continue_final_message', 'vLLM’s: continues the last message, with `add_generation_prompt: false`'),
  yes('add_generation_prompt', 'see `continue_final_message`'),
  ...ignored(...HARMLESS_TEXT, 'prediction'),
  refused('functions', [[]], 'use `tools`'),
  refused('function_call', ['none', 'auto'], 'use `tool_choice`'),
  refused('modalities', [['text']]),
  refused('audio'),
  refused('web_search_options'),
  ...FOREIGN,
];

const TEXT: readonly Parameter[] = [
  yes('model'),
  yes('prompt', 'one string'),
  ...SAMPLING,
  yes('logprobs', '0 to 5, among the 1,024 most likely tokens'),
  ...ignored(...HARMLESS_NAMES),
  refused('best_of', [1]),
  refused('echo', [false]),
  refused('suffix', ['']),
  ...FOREIGN,
];

const RESPONSES: readonly Parameter[] = [
  yes('model'),
  yes('input', 'a string, or messages, function calls, their outputs and reasoning; text only'),
  yes('instructions'),
  yes('max_output_tokens'),
  yes('temperature', '0 to 2; default 1'),
  yes('top_p', '0 to 1; default 1'),
  yes('stream'),
  yes('tools', `functions; ${WITH_TOOLS}`),
  yes('tool_choice', `auto, none, required or a function; ${WITH_TOOLS}`),
  yes('parallel_tool_calls', WITH_TOOLS),
  yes('text', '`format`: text, json_object or json_schema; `verbosity` is ignored'),
  yes('reasoning', '`effort: none` turns thinking off; other fields are ignored'),
  ...ignored(...HARMLESS_TEXT, 'include', 'stream_options', 'max_tool_calls'),
  refused('previous_response_id', [], 'nothing is stored: send the whole conversation'),
  refused('conversation', [], 'nothing is stored: send the whole conversation'),
  refused('prompt', [], 'nothing is stored'),
  refused('background', [false]),
  refused('truncation', ['disabled']),
  refused('top_logprobs', [0]),
  ...FOREIGN,
];

const MESSAGES: readonly Parameter[] = [
  yes('model'),
  yes('messages', 'text, tool_use, tool_result and thinking blocks'),
  yes('system'),
  yes('max_tokens', 'required'),
  yes('temperature', '0 to 1; default 1'),
  yes('top_p'),
  yes('top_k', '0 to 1,000'),
  yes('stop_sequences', 'up to 4'),
  yes('stream'),
  yes('tools', `the client’s own; ${WITH_TOOLS}`),
  yes('tool_choice', `auto, any, none or tool; \`disable_parallel_tool_use\`; ${WITH_TOOLS}`),
  yes('thinking', '`disabled` turns thinking off in models with the feature reasoning; `enabled` is ignored'),
  ...ignored('metadata', 'service_tier', 'cache_control', 'inference_geo', 'speed'),
  refused('mcp_servers', [[]]),
  refused('container'),
  refused('context_management'),
  refused('output_format', [{ type: 'text' }]),
  refused('output_config', [{}]),
  ...FOREIGN,
];

const EMBEDDINGS: readonly Parameter[] = [
  yes('model', 'models with the feature embeddings'),
  yes('input', 'a string or up to 256 strings'),
  yes('encoding_format', 'float or base64'),
  yes('stream', 'between gateway and provider: vectors as events'),
  ...ignored('user'),
  refused('dimensions', [], 'a vector has the model’s own length'),
];

export const PARAMETERS: Readonly<Record<Endpoint, readonly Parameter[]>> = {
  chat: CHAT,
  text: TEXT,
  responses: RESPONSES,
  messages: MESSAGES,
  embeddings: EMBEDDINGS,
};
