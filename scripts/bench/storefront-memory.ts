/** Measures the memory of a storefront's process with a thousand open streams. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import { CHAT_PATH } from '../../shared/wire.ts';
import { REPOSITORY } from '../lib/places.ts';
import { progress } from './result.ts';

const STREAMS = 1_000;
/** Opened and ended before the first measurement, so that what the first streams load doesn't count. */
const WARM_UP_STREAMS = 25;
const OPENED_AT_A_TIME = 25;
/** The engines are slow: the long answers last until they are closed. */
const SHORT_TOKENS = 2;
const LONG_TOKENS = 4_000;

const readySchema = z.object({
  url: z.string(),
  model: z.string(),
  /** API keys of customers. */
  keys: z.array(z.string()).min(1),
});
const measuredSchema = z.object({ residentBytes: z.number(), streams: z.number() });

export async function measureStreams() {
  progress(`Streams: ${STREAMS} in a process of their own.`);
  const shop = fork(join(REPOSITORY, 'scripts', 'bench', 'storefront-process.ts'), [String(STREAMS)], {
    execArgv: ['--expose-gc', '--max-semi-space-size=4'],
  });
  const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });
  try {
    const ready = readySchema.parse(await message(shop));
    const open = (count: number, maxTokens: number) =>
      openStreams(count, (index) => openStream(index, maxTokens, ready, agent));
    await Promise.all((await open(WARM_UP_STREAMS, SHORT_TOKENS)).map(({ ended }) => ended));
    const before = await measure(shop, 0);
    const startMs = performance.now();
    const streams = await open(STREAMS, LONG_TOKENS);
    const openedMs = performance.now() - startMs;
    const during = await measure(shop, STREAMS);
    for (const { close } of streams) close();
    const after = await measure(shop, 0);
    return {
      streamsOpen: during.streams,
      memoryPerStreamKilobytes: (during.residentBytes - before.residentBytes) / 1_000 / STREAMS,
      memoryBeforeMegabytes: before.residentBytes / 1e6,
      memoryAfterMegabytes: after.residentBytes / 1e6,
      openingMsPerStream: openedMs / STREAMS,
    };
  } finally {
    shop.disconnect();
    await once(shop, 'exit');
    agent.destroy();
  }
}

async function message(from: ChildProcess): Promise<unknown> {
  const [received] = await once(from, 'message');
  return received;
}

async function measure(shop: ChildProcess, streams: number) {
  shop.send({ streams });
  return measuredSchema.parse(await message(shop));
}

interface OpenStream {
  readonly ended: Promise<unknown>;
  close(): void;
}

async function openStreams(
  count: number,
  open: (index: number) => Promise<OpenStream>,
): Promise<readonly OpenStream[]> {
  const streams: OpenStream[] = [];
  while (streams.length < count) {
    const wave = Math.min(OPENED_AT_A_TIME, count - streams.length);
    const opening = Array.from({ length: wave }, (_, index) => open(streams.length + index));
    streams.push(...(await Promise.all(opening)));
  }
  return streams;
}

/** Resolves when the first token has arrived. Each stream is of another visitor. */
async function openStream(
  index: number,
  maxTokens: number,
  { url, model, keys }: z.infer<typeof readySchema>,
  agent: Agent,
): Promise<OpenStream> {
  const sent = request(url + CHAT_PATH, {
    method: 'POST',
    agent,
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${keys[index % keys.length]}`,
      'x-forwarded-for': `10.${Math.floor(index / 250)}.${index % 250}.1`,
    },
  });
  // A stream that is closed from here ends with an error; one that fails before rejects below.
  sent.on('error', () => undefined);
  const messages = [{ role: 'user', content: 'Why is the sky blue?' }];
  sent.end(JSON.stringify({ model, messages, max_tokens: maxTokens, stream: true }));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const ended = new Promise<void>((resolve) => response.on('close', resolve));
  const [first] = (await once(response, 'data')) as [Buffer];
  if (response.statusCode !== 200) {
    throw new Error(`A stream was refused with ${response.statusCode}: ${first.toString()}`);
  }
  response.on('data', () => undefined);
  response.on('error', () => undefined);
  return { ended, close: () => sent.destroy() };
}
