/** Measures the memory of a storefront's process with a thousand open streams. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { CHAT_PATH } from '../../shared/wire.ts';
import { REPOSITORY } from '../lib/places.ts';
import { progress } from './result.ts';

const STREAMS = 1_000;
/** Opened and ended before the first measurement, so that what the first streams load doesn't count. */
const WARM_UP_STREAMS = 25;
const OPENED_AT_A_TIME = 25;
/** The engines are slow: the long answers last until they are closed. */
const SHORT_TOKENS = 1;
const LONG_TOKENS = 4_000;
/** The process opens a chain first, and settles before each measurement. */
const ANSWER_MS_MAX = 120_000;
const FIRST_TOKEN_MS_MAX = 60_000;
const EXIT_MS_MAX = 10_000;

const readySchema = z.object({
  url: z.string(),
  model: z.string(),
  /** API keys of customers. */
  keys: z.array(z.string()).min(1),
});
const measuredSchema = z.object({
  residentBytes: z.number(),
  /** Live objects and buffers: what is resident in addition is room that the garbage collector keeps. */
  usedBytes: z.number(),
  streams: z.number(),
});

/** The storefront's streams, and those of a server that does nothing else as a yardstick. */
export async function measureStreams() {
  progress(`Streams: ${STREAMS} in a process of their own.`);
  const { streams, before, during, after, openedMs } = await measureProcess('storefront-process.ts', STREAMS);
  progress(`Yardstick: ${STREAMS} streams of an empty server, over HTTPS and over HTTP.`);
  const https = await measureProcess('empty-streams-process.ts', 'https');
  const http = await measureProcess('empty-streams-process.ts', 'http');
  return {
    streamsOpen: streams,
    memoryPerStreamKilobytes: perStream(before.residentBytes, during.residentBytes),
    usedPerStreamKilobytes: perStream(before.usedBytes, during.usedBytes),
    emptyHttpsPerStreamKilobytes: perStream(https.before.residentBytes, https.during.residentBytes),
    emptyHttpPerStreamKilobytes: perStream(http.before.residentBytes, http.during.residentBytes),
    memoryBeforeMegabytes: before.residentBytes / 1e6,
    memoryAfterMegabytes: after.residentBytes / 1e6,
    openingMsPerStream: openedMs / STREAMS,
  };
}

const perStream = (beforeBytes: number, duringBytes: number) => (duringBytes - beforeBytes) / 1_000 / STREAMS;

/** Opens the streams at a process of this file name. */
async function measureProcess(file: string, argument: string | number) {
  const shop = fork(join(REPOSITORY, 'scripts', 'bench', file), [String(argument)], {
    execArgv: ['--expose-gc', '--max-semi-space-size=4'],
  });
  const connections = { keepAlive: false, maxSockets: Number.POSITIVE_INFINITY };
  const agents = {
    plain: new Agent(connections),
    // The yardstick's certificate is its own.
    tls: new TlsAgent({ ...connections, rejectUnauthorized: false }),
  };
  try {
    const ready = readySchema.parse(await message(shop));
    const open = (count: number, maxTokens: number) =>
      openStreams(count, (index) => openStream(index, maxTokens, ready, agents));
    await Promise.all((await open(WARM_UP_STREAMS, SHORT_TOKENS)).map(({ ended }) => ended));
    const before = await measure(shop, 0);
    const startMs = performance.now();
    const streams = await open(STREAMS, LONG_TOKENS);
    const openedMs = performance.now() - startMs;
    const during = await measure(shop, STREAMS);
    if (during.streams !== STREAMS) throw new Error(`${during.streams} of ${STREAMS} streams are open.`);
    for (const { close } of streams) close();
    const after = await measure(shop, 0);
    return { streams: during.streams, before, during, after, openedMs };
  } finally {
    for (const agent of Object.values(agents)) agent.destroy();
    await end(shop);
  }
}

/** Fails if the process ends instead, or is silent for too long. */
async function message(from: ChildProcess): Promise<unknown> {
  const waiting = new AbortController();
  const { signal } = waiting;
  const ended = async () => {
    const [code, killedBy] = await once(from, 'exit', { signal });
    throw new Error(`The server's process ended early (${code ?? killedBy}).`);
  };
  const silent = async () => {
    await sleep(ANSWER_MS_MAX, undefined, { signal });
    throw new Error("The server's process sends no answer.");
  };
  try {
    if (hasEnded(from)) throw new Error("The server's process has ended.");
    const [received] = (await Promise.race([once(from, 'message', { signal }), ended(), silent()])) as [
      unknown,
    ];
    return received;
  } finally {
    waiting.abort();
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

/** Lets the process clean up, but not forever. */
async function end(shop: ChildProcess): Promise<void> {
  if (hasEnded(shop)) return;
  const exited = once(shop, 'exit');
  if (shop.connected) shop.disconnect();
  const killing = setTimeout(() => shop.kill('SIGKILL'), EXIT_MS_MAX);
  await exited;
  clearTimeout(killing);
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
  agents: { readonly plain: Agent; readonly tls: TlsAgent },
): Promise<OpenStream> {
  const isTls = url.startsWith('https:');
  const sent = (isTls ? requestTls : request)(url + CHAT_PATH, {
    method: 'POST',
    agent: isTls ? agents.tls : agents.plain,
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
  const signal = AbortSignal.timeout(FIRST_TOKEN_MS_MAX);
  const [response] = (await once(sent, 'response', { signal })) as [IncomingMessage];
  const ended = new Promise<void>((resolve) => response.on('close', resolve));
  const [first] = (await once(response, 'data', { signal })) as [Buffer];
  if (response.statusCode !== 200) {
    throw new Error(`A stream was refused with ${response.statusCode}: ${first.toString()}`);
  }
  response.on('data', () => undefined);
  response.on('error', () => undefined);
  return { ended, close: () => sent.destroy() };
}
