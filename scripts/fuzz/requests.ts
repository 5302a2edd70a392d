/** Fuzzing of what a provider reads from buyers: bodies, headers and HTTP over streams. */
import fc from 'fast-check';
import { createHttpServer } from '../../main/adapters/http/index.ts';
import { serveStreams } from '../../main/adapters/libp2p/http-server.ts';
import { END_MS_MAX, HEADERS_MS_MAX, IDLE_MS_MAX } from '../../main/adapters/libp2p/served-streams.ts';
import { countTraffic } from '../../main/adapters/libp2p/stream-socket.ts';
import { PAID_ENDPOINTS } from '../../main/core/openai-http/index.ts';
import { readBatchRequest } from '../../main/core/provider/batch-request.ts';
import { PROVIDER_LIMITS } from '../../main/core/provider/index.ts';
import { checkSize, highestCost } from '../../main/core/provider/limits.ts';
import { askedCostMax, neededFeatures } from '../../shared/asked.ts';
import { isDeepJson, JSON_DEPTH_MAX, parseJson } from '../../shared/json.ts';
import { schemaGrammar } from '../../shared/json-grammar.ts';
import { toRequestBody } from '../../shared/openai-body.ts';
import {
  BATCH_JOB_HEADER,
  BATCH_KEY_HEADER,
  BATCH_TAKEN_HEADER,
  CHANNEL_PATH,
  CHAT_PATH,
  EMBEDDINGS_PATH,
  KEPT_ANSWERS_PATH,
  MESSAGES_PATH,
  MODELS_PATH,
  OFFER_PATH,
  PAYMENT_HEADER,
  RESPONSES_PATH,
  TEXT_PATH,
} from '../../shared/wire.ts';
import { manualClock } from '../../test/fakes/clock.ts';
import { createFakeProvider, OFFERED } from '../../test/fakes/market.ts';
import { createFakeHub } from '../../test/fakes/network.ts';
import { createFakeGate } from '../../test/fakes/payment-gate.ts';
import { inPieces, oddBytes, oddJson, oddJsonText, oddText } from './inputs.ts';
import { refusing, type Target, target } from './target.ts';

const SCHEMA = {
  type: 'object',
  properties: {
    city: { type: 'string', maxLength: 9 },
    at: { anyOf: [{ type: 'integer' }, { enum: ['x', null] }] },
  },
  required: ['city'],
  additionalProperties: false,
};
const TOOL = { type: 'function', function: { name: 'weather', description: 'd', parameters: SCHEMA } };
const CALL = { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Bonn"}' } };
const model = OFFERED.id;
/** Valid requests, by path. */
const SAMPLES: Readonly<Record<string, readonly unknown[]>> = {
  [CHAT_PATH]: [
    {
      model,
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      stream_options: { include_usage: true },
    },
    {
      ...{ model, max_tokens: 9, temperature: 0.5, top_p: 0.9, seed: 7, stop: ['a', 'b'], n: 2 },
      ...{
        logit_bias: { 7: -1 },
        logprobs: true,
        top_logprobs: 2,
        frequency_penalty: 1,
        top_k: 3,
        min_p: 0.1,
      },
      messages: [
        { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
        { role: 'assistant', content: null, tool_calls: [CALL] },
        { role: 'tool', tool_call_id: 'c1', content: '21' },
        { role: 'assistant', content: 'It is' },
      ],
      ...{ continue_final_message: true, add_generation_prompt: false, return_token_ids: true },
    },
    {
      ...{ model, messages: [{ role: 'user', content: 'Hi' }], tools: [TOOL], tool_choice: 'required' },
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: SCHEMA, strict: true } },
    },
  ],
  [TEXT_PATH]: [{ model, prompt: 'Once', max_tokens: 5, logprobs: 3, stop: 'x' }],
  [RESPONSES_PATH]: [
    { model, input: 'Hi', instructions: 'Be brief.', max_output_tokens: 9 },
    {
      model,
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
        { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c1', output: '21' },
      ],
      tools: [{ type: 'function', name: 'weather', parameters: SCHEMA }],
      text: { format: { type: 'json_schema', name: 'x', schema: SCHEMA } },
    },
  ],
  [MESSAGES_PATH]: [
    { model, max_tokens: 9, system: 'Be brief.', messages: [{ role: 'user', content: 'Hi' }] },
    {
      ...{
        model,
        max_tokens: 9,
        tools: [{ name: 'weather', input_schema: SCHEMA }],
        tool_choice: { type: 'any' },
      },
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
        {
          role: 'assistant',
          content: [{ type: 'tool_use', id: 't', name: 'weather', input: { city: 'x' } }],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: '21' }] },
      ],
    },
  ],
  [EMBEDDINGS_PATH]: [{ model, input: ['a', 'b'], encoding_format: 'base64' }],
};

const bodies = fc.oneof(
  ...PAID_ENDPOINTS.map(({ path }) =>
    fc.record({ path: fc.constant(path), body: oddJson(SAMPLES[path] ?? [{}]) }),
  ),
);

const readRequests = target({ name: 'request bodies', share: 24 }, bodies, ({ path, body }) => {
  const endpoint = PAID_ENDPOINTS.find((each) => each.path === path);
  const asked = refusing(['bad-request', 'unsupported'], () => endpoint?.read(body) ?? null);
  if (asked === null) return;
  neededFeatures(asked);
  const tokensMax = refusing(['bad-request', 'context-exceeded'], () =>
    checkSize(asked, OFFERED, PROVIDER_LIMITS),
  );
  if (tokensMax === null) return;
  const cost = askedCostMax(OFFERED.price, asked, tokensMax);
  if (cost < 0n) throw new Error('a negative cost');
  JSON.stringify(toRequestBody(asked));
  if (asked.json?.kind !== 'schema') return;
  const { schema, isStrict } = asked.json;
  const grammar = refusing(['bad-request'], () => schemaGrammar(schema, isStrict));
  // A name that was looked up in an object's prototype.
  if (grammar?.includes('[native code]') || grammar?.includes('[object'))
    throw new Error('an invalid grammar');
});

const jsonTexts = fc.oneof(
  oddJsonText(Object.values(SAMPLES).flat()),
  fc.tuple(fc.constantFrom('[', '{"a":', '[{"":['), fc.nat(200)).map(([part, times]) => part.repeat(times)),
);

const json = target({ name: 'JSON', share: 20 }, jsonTexts, (text) => {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return;
  }
  if (isDeepJson(text) || depthOf(value) > JSON_DEPTH_MAX) throw new Error('deeper than the limit');
});

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

const UUID = '0b9c2f0e-5f39-4c3d-9a51-1f0d3b6c7a88';
const KEY = Buffer.alloc(32, 7).toString('base64url');
const lineHeaders = fc.record({
  [BATCH_JOB_HEADER]: oddText([UUID]),
  [BATCH_KEY_HEADER]: oddText([KEY]),
  [BATCH_TAKEN_HEADER]: oddText([`${UUID} ${UUID}`]),
});

const batchHeaders = target({ name: 'headers of batches', share: 4 }, lineHeaders, (given) => {
  const headers: Readonly<Record<string, string>> = given;
  const read = refusing(['bad-request'], () => readBatchRequest((name) => headers[name]));
  if ((read?.taken.length ?? 0) > 32) throw new Error('more IDs than allowed');
});

/** A service that takes no payment: each request gets as far as its price. */
async function openService() {
  const network = await createFakeHub().createNetwork();
  const clock = manualClock(1_800_000_000_000);
  const gate = createFakeGate();
  const provider = createFakeProvider(network, {
    clock,
    gate: {
      ...gate,
      chainWork: () => null,
      standing: () => 'unproven',
      admit: async ({ ceiling }) => {
        if (ceiling > highestCost([OFFERED], PROVIDER_LIMITS) * 8n) throw new Error('an absurd price');
        return { kind: 'answered', status: 402, headers: {}, body: '{}', reason: 'voucher-missing' };
      },
    },
    limits: { freePerPeerMax: Number.MAX_SAFE_INTEGER },
  });
  return { ...provider, clock };
}
let opened: ReturnType<typeof openService> | null = null;

function service(): ReturnType<typeof openService> {
  opened ??= openService();
  return opened;
}

function throwFaults(faults: unknown[]): void {
  const [fault] = faults.splice(0);
  if (fault !== undefined) throw new Error('an unexpected failure', { cause: fault });
}

const PATHS = [
  ...Object.keys(SAMPLES),
  OFFER_PATH,
  MODELS_PATH,
  CHANNEL_PATH,
  `${KEPT_ANSWERS_PATH}/${UUID}`,
];
const requests = fc.record({
  path: fc.oneof(
    fc.constantFrom(...PATHS),
    oddText(PATHS).map((path) => encodeURI(`/${path.toWellFormed()}`)),
  ),
  method: fc.constantFrom('POST', 'POST', 'GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'),
  body: oddJsonText(Object.values(SAMPLES).flat()),
  type: fc.constantFrom('application/json', 'text/plain', ''),
  payment: fc.option(oddText(['eyJ4NDAyVmVyc2lvbiI6Mn0=']).map(printable)),
});

/** A header's value has no other characters on the wire. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}

const requestsToService = target(
  { name: 'requests to a provider', share: 3 },
  requests,
  async ({ path, method, body, type, payment }) => {
    const { service: provider, faults } = await service();
    const response = await provider.app.request(path, {
      method,
      headers: { 'content-type': type, ...(payment !== null && { [PAYMENT_HEADER]: payment }) },
      ...(method !== 'GET' && method !== 'HEAD' && { body }),
    });
    await response.text();
    throwFaults(faults);
    if (response.status >= 500) throw new Error(`status ${response.status}`);
  },
);

/** A stream of libp2p without libp2p: delivers bytes, and records how the other side ends it. */
class FedStream extends EventTarget {
  protocol = '/http/1.1';
  readStatus = 'readable';
  readableEnded = false;
  readBufferLength = 0;
  readonly ended = Promise.withResolvers<void>();
  hasEnded = false;
  pause(): void {}
  resume(): void {}
  send(): boolean {
    return true;
  }
  async onDrain(): Promise<void> {}
  async close(): Promise<void> {
    this.#end();
  }
  abort(): void {
    this.#end();
  }
  deliver(bytes: Uint8Array): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: bytes }));
  }
  #end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.dispatchEvent(new Event('close'));
    this.ended.resolve();
  }
}

type Handler = (stream: FedStream, connection: unknown) => void;

async function openServer() {
  const { server: _server, service: provider, clock, faults } = await service();
  let handler: Handler | null = null;
  const node = {
    handle: async (_protocol: string, given: Handler) => {
      handler = given;
    },
  };
  const server = createHttpServer(provider.app);
  serveStreams(node as never, server, { traffic: countTraffic(), clock, log: null });
  return {
    clock,
    faults,
    open: (stream: FedStream) =>
      handler?.(stream, { remotePeer: 'stranger', remoteAddr: '/ip4/203.0.113.9/tcp/4001' }),
  };
}
let server: ReturnType<typeof openServer> | null = null;

/** Turns of the event loop without a pause. */
const TURNS_AT_ONCE = 40;
const OPEN_MS_MAX = 10_000;

const BODY = JSON.stringify(SAMPLES[CHAT_PATH]?.[0]);
const HTTP = [
  `POST ${CHAT_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  `GET ${OFFER_PATH} HTTP/1.1\r\nHost: \r\nX-Peer-Id: forged\r\nConnection: close\r\n\r\n`,
  `POST ${CHAT_PATH} HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\n{"mod\r\n0\r\n\r\n`,
  `GET ${MODELS_PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n`,
];

const streams = target({ name: 'HTTP over streams', share: 3 }, inPieces(oddBytes(HTTP)), async (pieces) => {
  server ??= openServer();
  const { clock, faults, open } = await server;
  const stream = new FedStream();
  open(stream);
  for (const piece of pieces) stream.deliver(piece);
  stream.readableEnded = true;
  stream.dispatchEvent(new Event('end'));
  // What the bytes left unfinished ends by its deadline, on a clock that doesn't wait. An offer is signed in another thread.
  const endMs = performance.now() + OPEN_MS_MAX;
  for (let turn = 0; !stream.hasEnded && performance.now() < endMs; turn += 1) {
    await new Promise((resolve) => (turn < TURNS_AT_ONCE ? setImmediate(resolve) : setTimeout(resolve, 1)));
    if (turn >= TURNS_AT_ONCE / 2) clock.advance(Math.max(HEADERS_MS_MAX, IDLE_MS_MAX, END_MS_MAX));
  }
  if (!stream.hasEnded) throw new Error('the stream stays open');
  throwFaults(faults);
});

export const REQUEST_TARGETS: readonly Target[] = [
  json,
  readRequests,
  batchHeaders,
  requestsToService,
  streams,
];
