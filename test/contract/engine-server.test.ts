/**
 * Verifies: a real llama-server fulfills the engine port's contract through the engine for servers, and what it shows of
 *   itself and of its model is what offers say.
 * Setup: the shared suite and more on llama-server with the tiny model, over real HTTP; it is killed and started again on
 *   its port. There is a build of it for Linux on x64 only.
 * Fails if: counts, ends, aborts, crashes or hand-backs differ from an engine process, a feature is claimed that its
 *   answers don't show, or a prompt that was computed for one buyer is found again by another.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectEngineServer } from '../../main/adapters/http/index.ts';
import { measureEngine } from '../../main/core/engine/index.ts';
import { createServerEngine } from '../../main/core/engine-servers/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Engine, EngineStatus, ModelFile } from '../../main/ports/engine.ts';
import { findLlamaServer, type LlamaServer, startLlamaServer } from '../../scripts/bench/llama-server.ts';
import { isAppError } from '../../shared/errors.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { collect, describeEngine, request, SUITE_LOAD } from './engine-suite.ts';

const TINY = fileURLToPath(new URL('../../resources/models/idlewatt-tiny.gguf', import.meta.url));
const FILE: ModelFile = {
  id: 'llama-server/idlewatt-tiny',
  path: 'llama-server/idlewatt-tiny',
  sha256: '0'.repeat(64),
};
const HAS_BUILD = process.platform === 'linux' && process.arch === 'x64';

async function startServer(port?: number): Promise<LlamaServer> {
  const found = findLlamaServer();
  if ('reason' in found) throw new Error(found.reason);
  const { contextTokens, sequences: slots } = SUITE_LOAD;
  return startLlamaServer(found.folder, {
    ...{ modelPath: TINY, slots, contextTokens, threads: 1 },
    ...(port !== undefined && { port }),
  });
}

function urlOf({ gateway }: LlamaServer): string {
  return gateway.baseUrl.replace(/\/v1$/, '');
}

function openEngine(server: () => LlamaServer): Engine {
  return createServerEngine({
    find: (id) => ({
      id,
      name: TINY,
      connect: () => connectEngineServer({ url: urlOf(server()), address: '127.0.0.1', key: null }),
      onTried: () => undefined,
      onProblem: () => undefined,
    }),
    clock: systemClock,
    log: createRecordingLog(),
    restartBaseMs: 50,
  });
}

function reached(engine: Engine, state: EngineStatus['state']): Promise<void> {
  return new Promise((resolve) => {
    const stop = engine.onStatus((status) => {
      if (status.state !== state) return;
      stop();
      resolve();
    });
  });
}

describe('with llama-server', { skip: !HAS_BUILD }, () => {
  describeEngine('engine server', async () => {
    let server = await startServer();
    const port = Number(new URL(urlOf(server)).port);
    const engine = openEngine(() => server);
    await engine.load(FILE, SUITE_LOAD);
    return {
      engine,
      handsBackAs: ['cancelled', 'cancelled'] as const,
      async crash() {
        const restarting = reached(engine, 'restarting');
        await server.stop();
        await restarting;
        const ready = reached(engine, 'ready');
        server = await startServer(port);
        await ready;
      },
      async close() {
        await engine.stop();
        await server.stop();
      },
    };
  });
  describe('identity and features', () => testServer());
});

function testServer(): void {
  let server: LlamaServer;
  let engine: Engine;
  before(async () => {
    server = await startServer();
    engine = openEngine(() => server);
    await engine.load(FILE, SUITE_LOAD);
  });
  after(async () => {
    await engine.stop();
    await server.stop();
  });
  const generate = (change: Parameters<typeof request>[0]) =>
    collect(engine.generate(request(change), new AbortController().signal));

  it('reports no process, no threads, no sandbox, and only features that were seen', () => {
    const status = engine.status();
    assert.ok(status.state === 'ready');
    const { loaded, pid } = status;
    const { features = [] } = loaded;
    assert.deepEqual([pid, loaded.threads, loaded.backend], [null, null, 'llama-server']);
    assert.deepEqual([...new Set(Object.values(loaded.sandbox))], ['foreign']);
    // The tiny model has no template for tools, and the server was started without embeddings.
    assert.ok(features.includes('logprobs') && features.includes('sampling'));
    assert.ok(!features.includes('tools') && !features.includes('embeddings'));
  });

  it('passes on one probability for each token', async () => {
    const { all, tokens } = await generate({ topLogprobs: 2, maxTokens: 4 });
    const logprobs = all.flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []) : []));
    assert.equal(logprobs.length, tokens.length);
    assert.ok(logprobs.every(({ top, logprob }) => top.length === 2 && logprob <= 0));
  });

  it('continues a message without repeating it', async () => {
    const messages = [
      { role: 'user' as const, content: 'Tell me about the river.' },
      { role: 'assistant' as const, content: 'The river runs' },
    ];
    const { text, tokens, end } = await generate({
      prompt: { kind: 'chat', messages, continuesLast: true },
      maxTokens: 8,
    });
    assert.ok(!text.includes('The river runs') && text.length > 0, text);
    assert.ok(tokens.length > 0 && tokens.length <= 8 && end.outputTokens === tokens.length);
  });

  it('refuses what the server would understand differently', async () => {
    const messages = [
      { role: 'user' as const, content: 'Tell me about the river.' },
      { role: 'assistant' as const, content: 'The river runs.' },
    ];
    await assert.rejects(generate({ prompt: { kind: 'chat', messages } }), (error) =>
      isAppError(error, 'bad-request'),
    );
  });

  it('computes a prompt again for each buyer, and for the same one', async () => {
    const prompt = { kind: 'text' as const, text: 'The river runs down to the sea. '.repeat(20) };
    for (const requester of ['first', 'second', 'first']) {
      const { end } = await generate({ prompt, maxTokens: 2, requester });
      assert.deepEqual([end.cachedTokens ?? 0, end.readTokens], [0, end.inputTokens]);
    }
  });

  it('has a measured speed', async () => {
    const speed = await measureEngine(engine, { promptWords: 32, decodeTokens: 16 });
    assert.ok((speed.prefillTokensPerSecond ?? 0) > 0 && (speed.decodeTokensPerSecond ?? 0) > 0);
  });
}
