/** Limits of what one request of the OpenAI-compatible APIs may contain. Each is checked before anything is paid. */

/** Messages of one conversation, and parts of one content. */
export const MESSAGES_MAX = 2_000;
export const STOPS_MAX = 4;
export const STOP_CHARACTERS_MAX = 400;
/** Functions that the model may call. */
export const TOOLS_MAX = 128;
/** Calls in one message of the assistant, also in an answer. */
export const TOOL_CALLS_MAX = 64;
export const TOOL_NAME_CHARACTERS_MAX = 64;
export const TOOL_CALL_ID_CHARACTERS_MAX = 128;
/** All tools together, as JSON, in UTF-16 code units. */
export const TOOLS_CHARACTERS_MAX = 64 * 1024;
/** One JSON schema, as JSON, in UTF-16 code units. */
export const SCHEMA_CHARACTERS_MAX = 32 * 1024;
/** Levels of one JSON schema; a reference counts as one level. */
export const SCHEMA_DEPTH_MAX = 24;
/** Rules of the grammar that one JSON schema becomes. */
export const GRAMMAR_RULES_MAX = 1_500;
/** The grammar of one request, in characters. */
export const GRAMMAR_CHARACTERS_MAX = 256 * 1024;
/** Repetitions that a schema can require or allow: `minItems`, `maxItems`, `minLength`, `maxLength`. */
export const REPETITIONS_MAX = 1_000;
/** Sum of the repetitions of one schema: llama.cpp writes each of them out. */
export const REPETITIONS_TOTAL_MAX = 4_000;
/** Answers to one prompt. */
export const CHOICES_MAX = 4;
export const LOGIT_BIASES_MAX = 300;
export const TOP_LOGPROBS_MAX = 20;
/** Texts of one embeddings request. */
export const EMBEDDING_INPUTS_MAX = 256;
/** One vector as base64, in characters: 16,384 numbers. */
export const VECTOR_CHARACTERS_MAX = 87_384;
/** Names of ignored parameters that a response lists. */
export const IGNORED_NAMES_MAX = 32;
