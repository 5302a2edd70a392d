/**
 * Verifies: a link to a model becomes a verified model with the identity that the owner saw, and every answer of a hub
 *   ends in a model or a named refusal.
 * Setup: a hub on loopback with the shapes of the public API, the real look-up, store, downloader and database records,
 *   in a temporary data folder; the files are the model that ships with the app.
 * Fails if: something is downloaded before the owner agreed, another file than the one they saw is stored, the hub can
 *   choose a name on this disk or send Idlewatt to another host, or a model by link is lost with a restart.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { onOutgoingRequest } from '../../main/adapters/node/index.ts';
import { fetchModel } from '../../main/agent/contacts.ts';
import { createHubFetch, createLinkedModels, createModelHub } from '../../main/core/model-hub/index.ts';
import { createLinkedEntries, createModelStore } from '../../main/core/models/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { isAppError } from '../../shared/errors.ts';
import { manualClock } from '../fakes/clock.ts';
import { embeddingFile, ggufOf } from '../fakes/gguf.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { COMMIT, type FakeHub, refuse, sendJson, startFakeHub } from '../fakes/model-hub.ts';
import { createMemoryRecordStore } from '../fakes/record-store.ts';

const TINY = readFileSync(new URL('../../resources/models/idlewatt-tiny.gguf', import.meta.url));
const SHA256 = createHash('sha256').update(TINY).digest('hex');
const REPO = 'ada/alpha-GGUF';
const FILE = 'alpha-Q4_K_M.gguf';
const ID = `link-alpha-q4-k-m-${SHA256.slice(0, 12)}`;

let home: string;
let hub: FakeHub;
let records = createMemoryRecordStore();

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'idlewatt-hub-'));
  records = createMemoryRecordStore();
  hub = await startFakeHub();
  hub.repos.set(REPO, { files: { [FILE]: TINY }, info: { cardData: { license: 'apache-2.0' } } });
});
afterEach(async () => {
  await hub.close();
  rmSync(home, { recursive: true });
});

function open(budgetBytes = 1e9) {
  // Another name for this machine takes the place of the hosts that deliver the hub's files.
  const site = { origin: hub.origin, fileHosts: ['localhost'] };
  const fetch = createHubFetch(fetchModel, site);
  const store = createModelStore({
    ...{ home, fetch, clock: systemClock, catalogue: [], cacheFolder: null },
    linked: createLinkedEntries(records),
    budgetBytes: () => budgetBytes,
  });
  const linked = createLinkedModels({
    hub: createModelHub({ fetch, clock: systemClock, site }),
    models: store,
    log: createRecordingLog(),
  });
  return { store, ...linked };
}

async function problemOf(link: string): Promise<string> {
  const answer = await open().lookUp(link);
  return answer.kind === 'refused' ? answer.problem : answer.kind;
}

/** Answers requests whose path contains `part`; leaves the others to the hub. */
function when(part: string, act: (response: ServerResponse, request: IncomingMessage) => void): void {
  hub.intercept = (request, response) => {
    if (!(request.url ?? '').includes(part)) return false;
    act(response, request);
    return true;
  };
}

describe('a link to a model', () => {
  it('shows file, size, checksum, license, commit and fit, and downloads nothing but the header', async () => {
    const { lookUp, store } = open();
    const answer = await lookUp(`${REPO}:q4_k_m`);
    assert.ok(answer.kind === 'model');
    const { model } = answer;
    assert.deepEqual(
      [model.repo, model.revision, model.path, model.sizeBytes, model.sha256, model.license, model.publisher],
      [REPO, COMMIT, FILE, TINY.length, SHA256, 'apache-2.0', 'ada'],
    );
    assert.deepEqual([model.use, model.problem, model.contextTokens], ['chat', null, 2048]);
    assert.ok(['fits', 'tight', 'does-not-fit'].includes(model.fit));
    assert.deepEqual(store.list(), []);
    assert.deepEqual(readdirSync(join(home, 'models')), []);
    assert.match(hub.requests.at(-1)?.range ?? '', /^bytes=0-\d+$/);
  });

  it('of every form leads to the same file', async () => {
    const { lookUp } = open();
    for (const form of [REPO, `hf:${REPO}/${FILE}`, `https://huggingface.co/${REPO}/resolve/main/${FILE}`]) {
      const answer = await lookUp(form);
      assert.ok(answer.kind === 'model' && answer.model.sha256 === SHA256, form);
    }
  });

  it('becomes a verified model that is still there after a restart, and leaves no trace when removed', async () => {
    const { add, store } = open();
    const { id } = await add({ link: REPO, sha256: SHA256 });
    assert.equal(id, ID);
    const file = await store.ensure(id);
    assert.deepEqual([file.sha256, file.path], [SHA256, join(home, 'models', `${ID}.gguf`)]);
    assert.ok(readFileSync(file.path).equals(TINY));
    assert.ok(hub.requests.some(({ path }) => path === `/${REPO}/resolve/${COMMIT}/${FILE}`));

    const again = open().store;
    const [model] = again.list();
    assert.deepEqual(
      [model?.id, model?.state, model?.license, model?.checksum],
      [ID, 'ready', 'apache-2.0', 'known'],
    );
    await again.remove(ID);
    assert.deepEqual(again.list(), []);
    assert.deepEqual(readdirSync(join(home, 'models')), []);
    assert.deepEqual(open().store.list(), []);
  });
});

describe('a link to several or unusable files', () => {
  it('offers those to choose from, and names the ones that can’t be chosen', async () => {
    hub.repos.set(REPO, {
      files: {
        'alpha-Q4_K_M.gguf': TINY,
        'alpha-Q8_0.gguf': TINY,
        'mmproj-F16.gguf': TINY,
        'big-00001-of-00002.gguf': TINY,
      },
    });
    const answer = await open().lookUp(REPO);
    assert.ok(answer.kind === 'files');
    assert.deepEqual(
      answer.files.map(({ path, problem }) => [path, problem]),
      [
        ['alpha-Q4_K_M.gguf', null],
        ['alpha-Q8_0.gguf', null],
        ['mmproj-F16.gguf', 'vision-only'],
        ['big-00001-of-00002.gguf', 'split'],
      ],
    );
    assert.equal(await problemOf(`${REPO}:Q8_0`), 'model');
    assert.equal(await problemOf(`${REPO}:Q2_K`), 'no-quantisation');
    assert.equal(await problemOf(`hf:${REPO}/big-00001-of-00002.gguf`), 'split');
  });

  it('says from the header what can’t be served, before the download', async () => {
    const files = {
      'a.gguf': ggufOf({ 'general.architecture': 'clip' }),
      'b.gguf': ggufOf({ 'general.architecture': 'brandnew' }),
      'c.gguf': TINY.subarray(0, TINY.length - 1),
      'd.gguf': Buffer.from('<!doctype html><p>not a model'),
      'e.gguf': embeddingFile(),
    };
    hub.repos.set(REPO, { files });
    const { lookUp, add } = open();
    const kinds = [];
    for (const name of Object.keys(files)) {
      const answer = await lookUp(`hf:${REPO}/${name}`);
      assert.ok(answer.kind === 'model');
      kinds.push(answer.model.problem ?? answer.model.use);
      if (answer.model.problem !== null)
        await assert.rejects(add({ link: answer.model.link, sha256: answer.model.sha256 }), (error) =>
          isAppError(error, 'model-unavailable'),
        );
    }
    assert.deepEqual(kinds, [
      'vision-only',
      'unsupported-architecture',
      'incomplete',
      'no-gguf',
      'embedding',
    ]);
  });
});

describe('a repository that gives nothing', () => {
  it('has its own reason each', async () => {
    hub.repos.set('ada/gated', { files: { [FILE]: TINY }, info: { gated: 'manual' } });
    hub.repos.set('ada/private', { files: { [FILE]: TINY }, info: { private: true } });
    hub.repos.set('ada/disabled', { files: { [FILE]: TINY }, info: { disabled: true } });
    hub.repos.set('ada/plain', { files: {} });
    hub.repos.set('ada/split', { files: { 'a-00001-of-00002.gguf': TINY, 'a-00002-of-00002.gguf': TINY } });
    assert.equal(await problemOf('ada/gated'), 'gated');
    assert.equal(await problemOf('ada/private'), 'private');
    assert.equal(await problemOf('ada/disabled'), 'disabled');
    assert.equal(await problemOf('ada/plain'), 'no-gguf-files');
    assert.equal(await problemOf('ada/split'), 'split');
    assert.equal(await problemOf('ada/nothing'), 'missing-or-private');
    assert.equal(await problemOf(`hf:${REPO}/other.gguf`), 'no-file');
    assert.equal(await problemOf(`hf:${REPO}#elsewhere`), 'no-revision');
    when('/resolve/', (response) => refuse(response, 403, 'GatedRepo'));
    assert.equal(await problemOf(REPO), 'gated');
  });

  it('is given up when it takes too long, and when the owner closes the dialog', async () => {
    const clock = manualClock(0);
    const asked = Promise.withResolvers<void>();
    when('/api/', () => asked.resolve());
    const slow = createModelHub({ fetch, clock, site: { origin: hub.origin, fileHosts: [] } });
    const late = slow.lookUp(REPO);
    await asked.promise;
    clock.advance(30_000);
    assert.deepEqual(await late, { kind: 'refused', problem: 'unreachable', detail: 'it took too long' });
    const closing = new AbortController();
    const closed = slow.lookUp(REPO, closing.signal);
    closing.abort(new Error('closed'));
    await assert.rejects(closed, /closed/);
  });

  it('is not reached through a sign-in page, a rate limit, a failing server or a cut connection', async () => {
    when('/api/', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'));
    assert.equal(await problemOf(REPO), 'unreachable');
    when('/api/', (response) => response.writeHead(429).end());
    assert.equal(await problemOf(REPO), 'busy');
    when('/api/', (response) => response.writeHead(500).end());
    assert.equal(await problemOf(REPO), 'unreachable');
    when('/tree/', (response) =>
      response.writeHead(200, { 'content-length': 100 }).write('[', () => response.destroy()),
    );
    assert.equal(await problemOf(REPO), 'unreachable');
    when('/resolve/', (response) => response.destroy());
    assert.equal(await problemOf(REPO), 'unreachable');
  });
});

describe('a hostile hub', () => {
  it('can’t send Idlewatt to a host that isn’t the hub’s', async () => {
    const reached: string[] = [];
    const other = await startFakeHub();
    other.intercept = (request) => {
      reached.push(request.url ?? '');
      return false;
    };
    try {
      // The same loopback interface under a name that isn't in the list.
      const foreign = other.origin.replace('127.0.0.1', '[::ffff:127.0.0.1]');
      for (const path of ['/api/models/', '/tree/', '/resolve/']) {
        for (const target of [
          foreign,
          'http://localhost.evil.example',
          'https://127.0.0.1',
          'file:///etc/passwd',
        ]) {
          when(path, (response) => response.writeHead(302, { location: `${target}/x` }).end());
          assert.equal(await problemOf(REPO), 'other-redirect', `${path} ${target}`);
        }
      }
      when('/api/models/', (response, { url = '' }) => response.writeHead(302, { location: url }).end());
      assert.equal(await problemOf(REPO), 'other-redirect');
      assert.deepEqual(reached, []);
    } finally {
      await other.close();
    }
  });

  it('may deliver files from its own other hosts', async () => {
    const { port } = new URL(hub.origin);
    when('/resolve/', (response, { url = '', headers }) => {
      if (headers.host?.startsWith('localhost')) {
        hub.intercept = null;
        response.writeHead(307, { location: `${hub.origin}${url}` }).end();
      } else response.writeHead(302, { location: `http://localhost:${port}${url}` }).end();
    });
    const contacts = new Set<string>();
    const stop = onOutgoingRequest((host, purpose) => contacts.add(`${host} for ${purpose}`));
    assert.equal(await problemOf(REPO), 'model');
    stop();
    // The register of contacts leaves out loopback, but reports each host of a redirect like any other.
    assert.deepEqual([...contacts], ['127.0.0.1 for models', 'localhost for models']);
    assert.ok(hub.requests.some(({ host }) => host.startsWith('localhost')));
  });
});

describe('a hostile hub’s files', () => {
  it('can’t change after the owner has seen them', async () => {
    const { add, store } = open();
    const other = Buffer.concat([TINY, Buffer.alloc(32)]);
    hub.repos.set(REPO, { files: { [FILE]: other } });
    await assert.rejects(add({ link: REPO, sha256: SHA256 }), (error) =>
      isAppError(error, 'checksum-mismatch'),
    );
    assert.deepEqual(store.list(), []);
  });

  it('are refused with other bytes than those of the checksum, or more of them', async () => {
    const { add, store } = open();
    const { id } = await add({ link: REPO, sha256: SHA256 });
    const wrong = Buffer.from(TINY).fill(1, TINY.length - 8);
    when('/resolve/', (response) => response.end(wrong));
    await assert.rejects(store.ensure(id), (error) => isAppError(error, 'checksum-mismatch'));
    when('/resolve/', (response) => response.end(Buffer.concat([TINY, TINY])));
    await assert.rejects(store.ensure(id), (error) => isAppError(error, 'no-source'));
    assert.equal(store.list()[0]?.state, 'failed');
    assert.ok(!existsSync(join(home, 'models', `${ID}.gguf`)));
  });

  it('are resumed where the connection was cut', async () => {
    const { add, store } = open();
    const { id } = await add({ link: REPO, sha256: SHA256 });
    const half = TINY.length / 2;
    when('/resolve/', (response) => {
      hub.intercept = null;
      response.writeHead(200, { 'content-length': TINY.length });
      response.write(TINY.subarray(0, half), () => setImmediate(() => response.destroy()));
    });
    await store.ensure(id);
    const range = /^bytes=(\d+)-$/.exec(hub.requests.at(-1)?.range ?? '');
    assert.ok(Number(range?.[1]) > 0 && Number(range?.[1]) <= half, hub.requests.at(-1)?.range);
  });

  it('can’t exceed the disk budget', async () => {
    const { add, store } = open(TINY.length - 1);
    const { id } = await add({ link: REPO, sha256: SHA256 });
    await assert.rejects(store.ensure(id), (error) => isAppError(error, 'disk-full'));
  });
});

describe('a hostile hub’s answers', () => {
  it('gain nothing by absurd sizes, missing checksums or paths', async () => {
    const withTree = (change: Record<string, unknown>) =>
      hub.repos.set(REPO, { files: { [FILE]: TINY }, tree: (entry) => ({ ...entry, ...change }) });
    const fileProblem = async () => {
      const answer = await open().lookUp(REPO);
      return answer.kind === 'files'
        ? answer.files[0]?.problem
        : answer.kind === 'refused'
          ? answer.problem
          : null;
    };
    for (const size of [1e300, -1, 0, 0.5, 3 * 1_024 ** 4]) {
      withTree({ size, lfs: { oid: SHA256, size } });
      assert.equal(await fileProblem(), 'absurd-size', String(size));
    }
    withTree({ size: TINY.length - 1 });
    assert.equal(await fileProblem(), 'absurd-size');
    for (const lfs of [undefined, null, { oid: '../../etc', size: TINY.length }]) {
      withTree({ lfs });
      assert.equal(await fileProblem(), 'no-checksum');
    }
    for (const path of ['../../x.gguf', '/x.gguf', 'a/../x.gguf', 'x\u0000.gguf', 'a\\x.gguf']) {
      withTree({ path });
      assert.equal(await fileProblem(), 'no-gguf-files', path);
    }
    withTree({ size: 'big' });
    assert.equal(await fileProblem(), 'bad-answer');
  });

  it('can’t fill memory, or lead a listing elsewhere or around in circles', async () => {
    const valid = JSON.stringify({ sha: COMMIT });
    hub.intercept = ({ url = '' }, response) => {
      if (!url.endsWith(REPO)) return false;
      response.end(valid + ' '.repeat(9 * 1_024 * 1_024));
      return true;
    };
    assert.equal(await problemOf(REPO), 'bad-answer');
    when('/api/', (response) => response.end('['.repeat(1_000)));
    assert.equal(await problemOf(REPO), 'bad-answer');
    when('/tree/', (response) => sendJson(response, [], { link: '</api/other>; rel="next"' }));
    assert.equal(await problemOf(REPO), 'bad-answer');
    let pages = 0;
    when('/tree/', (response, { url = '' }) => {
      pages += 1;
      sendJson(response, [], { link: `<${url}>; rel="next"` });
    });
    assert.equal(await problemOf(REPO), 'no-gguf-files');
    assert.equal(pages, 5);
  });
});
