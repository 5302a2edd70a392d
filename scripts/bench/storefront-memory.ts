/** Measures the memory of a storefront's process with a thousand open streams. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import { CHAT_PATH } from '../../shared/wire.ts';
import { REPOSITORY } from '../lib/places.ts';
import { progress } from './result.ts';

const STREAMS = 1_000;
/** Opened and closed before the first measurement, so that what the first streams load doesn't count. */
const WARM_UP_STREAMS = 300;
const OPENED_AT_A_TIME = 25;

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
    const open = (count: number) => openStreams(count, ready, agent);
    await closeStreams(await open(WARM_UP_STREAMS));
    const before = await measure(shop, 0);
    const startMs = performance.now();
    const streams = await open(STREAMS);
    const openedMs = performance.now() - startMs;
    const during = await measure(shop, STREAMS);
    await closeStreams(streams);
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
  readonly sent: ClientRequest;
  readonly response: IncomingMessage;
}

async function openStreams(
  count: number,
  ready: z.infer<typeof readySchema>,
  agent: Agent,
): Promise<readonly OpenStream[]> {
  const streams: OpenStream[] = [];
  while (streams.length < count) {
    const wave = Array.from({ length: Math.min(OPENED_AT_A_TIME, count - streams.length) }, (_, index) =>
      openStream(streams.length + index, ready, agent),
    );
    streams.push(...(await Promise.all(wave)));
  }
  return streams;
}

/** Resolves when the first token has arrived. Each stream is of another visitor. */
async function openStream(
  index: number,
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
  sent.end(
    JSON.stringify({
      model,
      messages: [{ role: 'user', content: 'Why is the sky blue?' }],
      max_tokens: 4_000,
      stream: true,
    }),
  );
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`A stream was refused with ${response.statusCode}.`);
  await once(response, 'data');
  response.on('data', () => undefined);
  // It is closed from here.
  response.on('error', () => undefined);
  return { sent, response };
}

async function closeStreams(streams: readonly OpenStream[]): Promise<void> {
  for (const { sent, response } of streams) {
    response.destroy();
    sent.destroy();
  }
}
