/**
 * Verifies: engine servers are recognized by what they answer, only those of this machine or its network can be added, at
 *   one fixed address, and a search asks this machine alone.
 * Setup: the real HTTP client on servers on loopback that answer like the known programs; names are resolved by the test.
 * Fails if: a foreign host is contacted, a name is looked up again, a key or a path of the owner's disk gets where it must
 *   not, a server is added silently, or a removed one is still known.
 */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { connectEngineServer } from '../../../main/adapters/http/index.ts';
import { normalizeEngineUrl } from '../../../main/core/engine-servers/address.ts';
import { identify } from '../../../main/core/engine-servers/identify.ts';
import { createEngineServers } from '../../../main/core/engine-servers/index.ts';
import { engineModelHash, engineModelId } from '../../../main/core/engine-servers/model-id.ts';
import { createSettings } from '../../../main/core/settings/index.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import type { EngineServerKeys, EngineServerTarget } from '../../../main/ports/engine-server.ts';
import { isEngineServerModel } from '../../../shared/engine-servers.ts';
import { isAppError } from '../../../shared/errors.ts';
import { isLocalAddress } from '../../../shared/local-address.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { MODELS_PATH } from '../../../shared/wire.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { type Answer, json, startTestServer, type TestServer } from './hostile-server.ts';

const models = (...ids: string[]) => ({ object: 'list', data: ids.map((id) => ({ id, object: 'model' })) });

/** The answers of each program, in the parts that are read. */
const PROGRAMS: Record<string, Record<string, Answer>> = {
  'llama-server': {
    [MODELS_PATH]: json({
      data: [{ id: '/home/alice/m.gguf', meta: { n_ctx: 8_192, n_params: 7e9, ftype: 'Q4_K' } }],
    }),
    '/props': json({ total_slots: 4, build_info: 'b9000', default_generation_settings: { n_ctx: 2_048 } }),
  },
  ollama: {
    [MODELS_PATH]: json(models('llama3.2:3b', 'bge-m3:latest')),
    '/api/version': json({ version: '0.40.12' }),
    '/api/tags': json({ models: [{ name: 'llama3.2:3b', details: { quantization_level: 'Q4_K_M' } }] }),
    '/api/ps': json({ models: [{ name: 'llama3.2:3b', context_length: 4_096 }] }),
  },
  'lm-studio': {
    [MODELS_PATH]: json(models('qwen3-4b')),
    '/api/v0/models': json({
      data: [{ id: 'qwen3-4b', quantization: '4bit', loaded_context_length: 16_384 }],
    }),
  },
  vllm: {
    [MODELS_PATH]: json({ data: [{ id: 'Qwen/Qwen3-4B', owned_by: 'vllm', max_model_len: 32_768 }] }),
    '/version': json({ version: '0.20.0' }),
  },
  other: { [MODELS_PATH]: json(models('some-model')) },
};

const opened: TestServer[] = [];
async function open(answers: Record<string, Answer>): Promise<TestServer> {
  const server = await startTestServer(answers);
  opened.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

async function identityOf(answers: Record<string, Answer>) {
  const connection = (await open(answers)).connect();
  try {
    return await identify({ connection, clock: systemClock, signal: new AbortController().signal });
  } finally {
    connection.close();
  }
}

describe('recognizes', () => {
  const seen: Record<string, readonly unknown[]> = {
    'llama-server': ['b9000', 4, 2_048, 'Q4_K'],
    ollama: ['0.40.12', 1, 4_096, 'Q4_K_M'],
    'lm-studio': [null, 1, 16_384, '4bit'],
    vllm: ['0.20.0', 8, 32_768, null],
    other: [null, 1, null, null],
  };
  for (const [kind, expected] of Object.entries(seen)) {
    test(kind, async () => {
      const { version, sequences, models: listed, ...identity } = await identityOf(PROGRAMS[kind] ?? {});
      assert.equal(identity.kind, kind);
      const [first] = listed;
      assert.deepEqual([version, sequences, first?.contextTokens, first?.quantisation], expected);
    });
  }

  test('nothing in a web page, a gateway of Idlewatt’s, or a server that isn’t ready', async () => {
    const page: Answer = (_request, response) => response.end('<html></html>');
    const code = (answers: Record<string, Answer>) =>
      identityOf(answers).then(
        () => null,
        (error: unknown) => (isAppError(error) ? error.code : String(error)),
      );
    assert.equal(await code({ [MODELS_PATH]: page }), 'unsupported');
    assert.equal(await code({ [MODELS_PATH]: json({ data: [{ id: 'a', asset: {} }] }) }), 'unsupported');
    assert.equal(await code({ [MODELS_PATH]: json({ error: 'loading' }, 503) }), 'engine-failed');
    assert.equal(await code({ [MODELS_PATH]: json({}, 401) }), 'not-permitted');
    // More than a list of models can be.
    assert.equal(await code({ [MODELS_PATH]: json({ data: [], more: 'a'.repeat(5 << 20) }) }), 'unsupported');
  });
});

describe('names', () => {
  test('leave out the folders of the owner’s disk, and are never taken for a file', () => {
    assert.equal(engineModelId('llama-server', '/home/alice/secret/Qwen3-4B.gguf'), 'llama-server/Qwen3-4B');
    assert.equal(engineModelId('engine', 'C:\\Users\\alice\\Qwen3.gguf'), 'engine/Qwen3');
    assert.equal(engineModelId('vllm', 'Qwen/Qwen3-4B'), 'vllm/Qwen/Qwen3-4B');
    assert.ok(isEngineServerModel('ollama/llama3.2:3b'));
    for (const id of ['smollm2-135m-instruct', 'own-model', '/etc/passwd', 'Ollama/x'])
      assert.ok(!isEngineServerModel(id));
  });

  test('of equal models on two machines have different hashes', () => {
    const hash = (nonce: string) => engineModelHash({ kind: 'ollama', nonce }, 'llama3.2:3b');
    assert.notEqual(hash('a'), hash('b'));
    assert.equal(hash('a'), hash('a'));
  });
});

describe('addresses', () => {
  test('of this machine and of private networks are local, no others', () => {
    for (const address of [
      '127.0.0.1',
      '127.8.9.1',
      '::1',
      '10.1.2.3',
      '172.16.0.1',
      '172.31.9.9',
      '192.168.1.5',
      'fd12:3456::1',
    ]) {
      assert.ok(isLocalAddress(address), address);
    }
    for (const address of [
      ...[
        '8.8.8.8',
        '172.15.0.1',
        '172.32.0.1',
        '169.254.169.254',
        '0.0.0.0',
        '100.64.0.1',
        '192.168.1',
        '010.0.0.1',
      ],
      ...['2001:db8::1', 'fe80::1', '::ffff:8.8.8.8', '::', 'fdlocal', 'localhost', '', '192.168.1.256'],
    ]) {
      assert.ok(!isLocalAddress(address), address);
    }
  });

  test('are written with or without scheme and /v1', () => {
    for (const typed of [
      '192.168.1.5:11434',
      ' http://192.168.1.5:11434/v1/ ',
      'http://192.168.1.5:11434/v1',
    ]) {
      assert.equal(normalizeEngineUrl(typed), 'http://192.168.1.5:11434');
    }
    for (const typed of [
      'ftp://a',
      'http://user:pass@a',
      'http://a/?x=1',
      'http://a/#b',
      '',
      'file:///etc/passwd',
    ]) {
      assert.throws(
        () => normalizeEngineUrl(typed),
        (error) => isAppError(error, 'bad-request'),
        typed,
      );
    }
  });
});

let keys: Map<string, string>;
let targets: EngineServerTarget[];
let names: Record<string, string[]>;
let lookups: string[];
beforeEach(() => {
  keys = new Map();
  targets = [];
  names = {};
  lookups = [];
});

function create(ports: readonly number[] = []) {
  const store: EngineServerKeys = {
    get: (id) => keys.get(id) ?? null,
    set: (id, key) => void (key === null ? keys.delete(id) : keys.set(id, key)),
  };
  const settings = createSettings({ records: createMemoryRecordStore(), defaults: DEFAULT_SETTINGS });
  const servers = createEngineServers({
    ...{
      settings,
      keys: store,
      ports,
      clock: systemClock,
      log: createRecordingLog(),
      onChange: () => undefined,
    },
    connect: (target) => {
      targets.push(target);
      return connectEngineServer(target);
    },
    findAddresses: async (host) => {
      lookups.push(host);
      return names[host] ?? [];
    },
  });
  return { servers, settings };
}

describe('the owner’s list', () => {
  test('has only servers that the owner added, with their keys elsewhere', async () => {
    const ollama = await open(PROGRAMS.ollama ?? {});
    const { servers, settings } = create([ollama.port]);
    const found = await servers.search();
    assert.deepEqual(found, [
      { url: ollama.url, kind: 'ollama', version: '0.40.12', models: 2, needsKey: false },
    ]);
    assert.deepEqual([settings.get().engineServers, servers.list()], [[], []]);
    assert.equal(await servers.add({ url: `${ollama.url}/v1`, key: 'secret-key' }), 'ollama');
    assert.equal(ollama.received.at(-1)?.headers.authorization, 'Bearer secret-key');
    assert.ok(!JSON.stringify([settings.get(), servers.list()]).includes('secret-key'));
    assert.deepEqual(await servers.search(), [], 'it isn’t offered again');
    const [listed] = servers.list();
    assert.deepEqual(
      [listed?.state, listed?.hasKey, listed?.canUnload, listed?.isHere],
      ['reachable', true, true, true],
    );
    servers.remove('ollama');
    assert.deepEqual([settings.get().engineServers, [...keys]], [[], []]);
  });

  test('asks only this machine in a search, and not its own ports', async () => {
    const own = await open(PROGRAMS.other ?? {});
    const { servers } = create([own.port]);
    servers.setOwnPorts([own.port]);
    assert.deepEqual(await servers.search(), []);
    assert.deepEqual(own.received, []);
    await assert.rejects(servers.add({ url: own.url, key: null }), (error) =>
      isAppError(error, 'bad-request'),
    );
    const other = create();
    await other.servers.search();
    assert.ok(targets.every(({ address }) => address === '127.0.0.1'));
  });

  test('keeps the address that a name had, whatever the name means later', async () => {
    const server = await open(PROGRAMS.other ?? {});
    names['box.lan'] = ['127.0.0.1'];
    const { servers } = create();
    const id = await servers.add({ url: `http://box.lan:${server.port}`, key: null });
    names['box.lan'] = ['203.0.113.9'];
    await servers.search();
    servers.find(servers.choose(id, 'some-model'))?.connect().close();
    assert.deepEqual(
      [lookups.length, targets.at(-1)?.address, servers.list()[0]?.state],
      [1, '127.0.0.1', 'reachable'],
    );
    assert.equal(server.received.at(-1)?.headers.host, `box.lan:${server.port}`);
  });

  test('takes no host outside, also not one of several addresses, and contacts none of them', async () => {
    names['evil.example'] = ['192.168.1.5', '203.0.113.9'];
    names['gone.example'] = [];
    const { servers } = create();
    for (const url of [
      'http://evil.example',
      'http://gone.example',
      'http://203.0.113.9',
      'http://169.254.169.254',
    ]) {
      await assert.rejects(servers.add({ url, key: 'k' }), (error) => isAppError(error, 'bad-request'), url);
    }
    assert.deepEqual(targets, []);
  });
});

describe('the owner’s choices', () => {
  test('stores the chosen models, and knows no others', async () => {
    const server = await open(PROGRAMS['llama-server'] ?? {});
    const { servers, settings } = create();
    const id = await servers.add({ url: server.url, key: null });
    assert.throws(
      () => servers.choose(id, 'unlisted'),
      (error) => isAppError(error, 'not-found'),
    );
    const modelId = servers.choose(id, '/home/alice/m.gguf');
    assert.deepEqual(
      [modelId, settings.get().engineServers[0]?.models],
      ['llama-server/m', ['/home/alice/m.gguf']],
    );
    assert.match(servers.fileOf(modelId).sha256, /^[0-9a-f]{64}$/);
    assert.ok(servers.isHere(modelId));
    assert.throws(
      () => servers.fileOf('llama-server/other'),
      (error) => isAppError(error, 'not-found'),
    );
    servers.remove(id);
    assert.equal(servers.find(modelId), null);
  });

  test('rejects an address outside in the settings themselves', () => {
    const { settings } = create();
    const server = { id: 'x', kind: 'other' as const, url: 'http://x', nonce: '0'.repeat(32), models: [] };
    assert.throws(
      () => settings.change({ engineServers: [{ ...server, address: '203.0.113.9' }] }),
      (error) => isAppError(error, 'bad-request'),
    );
    settings.change({ engineServers: [{ ...server, address: '10.0.0.9' }] });
  });
});
