/** Limits on what an engine server can make Idlewatt wait for, read or keep. */

/** A request for facts: health, version, models. */
export const FACTS_MS_MAX = 5_000;
/** Body of such a response. */
export const FACTS_BYTES_MAX = 4 * 1_024 * 1_024;
/** From a request to the first piece of its answer; shorter than the supervisor's limit, which counts as a hang. */
export const FIRST_PIECE_MS_MAX = 150_000;
/** Between two pieces of an answer. */
export const PIECE_MS_MAX = 60_000;
/** Identification and the trial requests of one load; a cold model of tens of gigabytes is read from disk meanwhile. */
export const LOAD_MS_MAX = 540_000;
/** All vectors of one request. */
export const VECTORS_BYTES_MAX = 32 * 1_024 * 1_024;
/** Bytes of a streamed answer, and those that each of its tokens may add: text, JSON around it and probabilities. */
export const ANSWER_BYTES_MIN = 256 * 1_024;
export const ANSWER_BYTES_PER_TOKEN_MAX = 16 * 1_024;
/** Between two checks of a server that serves. */
export const HEALTH_EVERY_MS = 10_000;
/** A request that frees the server's memory. */
export const RELEASE_MS_MAX = 5_000;
/** Longest rest between two answers while the machine is throttled. */
export const REST_MS_MAX = 30_000;
/** Context assumed for a server that doesn't report it, in tokens. */
export const CONTEXT_TOKENS_ASSUMED = 2_048;
/** Context that is offered at most, in tokens. */
export const CONTEXT_TOKENS_MAX = 131_072;
/** Concurrent answers of a server that doesn't report its slots. */
export const SEQUENCES_ASSUMED = 1;
/** Concurrent answers of vLLM, which has no slots, and at most of any server. */
export const SEQUENCES_MAX = 8;
