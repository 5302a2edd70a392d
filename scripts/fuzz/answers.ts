/** Fuzzing of what a buyer reads from providers: streamed answers. */
import { ResponseReader } from '../../main/core/gateway/response-reader.ts';
import { readEvents } from '../../main/core/sse/index.ts';
import { bodyOf, inPieces, oddBytes, oddJson } from './inputs.ts';
import { refusingLater, type Target, target } from './target.ts';

const CHUNK = {
  ...{ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm' },
  choices: [
    {
      index: 0,
      delta: {
        ...{ role: 'assistant', content: 'Hi', reasoning_content: 'Hm' },
        tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '{}' } }],
      },
      logprobs: {
        content: [{ token: 'Hi', bytes: [72], logprob: -0.1, top_logprobs: [{ token: 'x', logprob: -2 }] }],
      },
      ...{ token_ids: [1, 2], finish_reason: null },
    },
  ],
};
const USAGE = {
  ...{ id: 'x', created: 1, model: 'm', choices: [] },
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
};
const TEXT = {
  ...{ id: 'x', created: 1, model: 'm' },
  choices: [
    { index: 1, text: 'a', logprobs: { tokens: ['a'], token_logprobs: [-1], top_logprobs: [{ a: -1 }] } },
  ],
};
const VECTORS = { id: 'x', created: 1, model: 'm', choices: [], vectors: ['AAAA'] };
const FAILED = { error: { message: 'No.', type: 't', param: null, code: 'paused' } };
const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const END =
  'data: [DONE]\n\nevent: idlewatt.receipt\ndata: e30.e30.AA\n\nevent: x402.payment-response\ndata: e30=\n\n';
const STREAM = `${event(CHUNK)}: still here\n\n${event(TEXT)}${event(USAGE)}${END}`;

async function readAnswer(pieces: readonly Uint8Array[]): Promise<void> {
  const reader = new ResponseReader(bodyOf(pieces), {
    ...{ peer: 'p', requester: new AbortController().signal, bounds: { tokensMax: 9, vectorsMax: 2 } },
    ...{ onRead: () => undefined, onFirstPiece: () => undefined },
  });
  // Each read takes at least one event or fails; an answer of so few bytes has no more.
  for (let reads = 0; reads < 100; reads += 1) {
    const batch = await refusingLater(
      ['engine-failed', 'peer-unreachable', 'bad-request', 'context-exceeded', 'paused'],
      () => reader.next(),
    );
    if (batch === null || batch.end !== null) break;
  }
  await reader.readReceipt();
  const { textBytes, calls } = reader.summary();
  if (textBytes < 0 || calls < 0) throw new Error('counts are negative');
}

const streams = target(
  { name: 'streamed answers', share: 5 },
  inPieces(oddBytes([STREAM, event(FAILED), `${event(CHUNK)}${event(FAILED)}${END}`])),
  readAnswer,
);
const chunks = target(
  { name: 'chunks of answers', share: 6 },
  oddJson([CHUNK, USAGE, TEXT, VECTORS, FAILED]),
  (chunk) => readAnswer([Buffer.from(event(chunk ?? null) + END)]),
);
const events = target(
  { name: 'server-sent events', share: 6 },
  inPieces(oddBytes([STREAM, 'data: a\r\ndata\r\n\r\n', 'id: 1\nevent\n\n', '\ufeffdata: €😀\n\n'])),
  async (pieces) => {
    const read = async () => {
      for await (const batch of readEvents(bodyOf(pieces))) {
        if (batch.length === 0) throw new Error('a batch without events');
      }
    };
    await refusingLater(['bad-request'], read);
  },
);

export const ANSWER_TARGETS: readonly Target[] = [streams, chunks, events];
