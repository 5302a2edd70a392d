/**
 * Verifies: a client that closes its side of the connection after the request gets the whole answer, and it is paid.
 * Setup: the gateway on a real socket, a provider with a scripted engine on a network in memory; the client writes bytes
 * by hand, and its side is closed before the engine begins.
 * Fails if: the gateway takes such a client for one that has left, or cuts its answer off.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { CHAT_PATH } from '../../../shared/wire.ts';
import { createFakeGateway, createFakeProvider, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { createScriptedEngine } from '../../fakes/scripted-engine.ts';

const hub = createFakeHub();
const engine = createScriptedEngine();
const closers: (() => Promise<unknown>)[] = [];
let gateway: Awaited<ReturnType<typeof createFakeGateway>>;

before(async () => {
  const [buying, selling] = [await hub.createNetwork(), await hub.createNetwork()];
  for (const network of [buying, selling]) {
    await network.start();
    closers.push(() => network.stop());
  }
  createFakeProvider(selling, { engine });
  await buying.connect(selling.addresses()[0] ?? '');
  gateway = await createFakeGateway(buying);
  await gateway.directory.find(null);
});
after(async () => {
  await gateway.stop();
  for (const close of closers) await close();
});

/** Sends a request and closes this side. `answer` is everything that comes back until the gateway closes. */
function ask(body: object): { readonly firstBytes: Promise<void>; readonly answer: Promise<string> } {
  const text = JSON.stringify({ model: OFFERED.id, messages: [{ role: 'user', content: 'Hi' }], ...body });
  const { port, hostname } = new URL(gateway.baseUrl);
  const head = [
    `POST ${CHAT_PATH} HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    `Authorization: Bearer ${gateway.key}`,
    'Content-Type: application/json',
    `Content-Length: ${text.length}`,
  ];
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  const firstBytes = new Promise<void>((resolve) => socket.once('data', () => resolve()));
  const answer = new Promise<string>((resolve, reject) => {
    let received = '';
    socket.on('data', (data) => {
      received += data.toString();
    });
    socket.on('error', reject);
    socket.on('end', () => {
      socket.end();
      resolve(received);
    });
  });
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
  return { firstBytes, answer };
}

for (const stream of [false, true]) {
  describe(`a client that half-closes after a request with "stream": ${stream}`, () => {
    it('gets the whole answer, which is charged', async () => {
      const asked = ask({ stream });
      const run = await engine.next();
      // The gateway has seen the close, and asks by an interim response whether anybody is there.
      await asked.firstBytes;
      run.start(10);
      run.piece({ text: 'whole ' }, 1);
      run.piece({ text: 'answer' }, 2);
      run.end('stop');
      const answer = await asked.answer;
      assert.match(answer, /^(HTTP\/1\.1 102 Processing\r\n\r\n)+HTTP\/1\.1 200/);
      if (stream) assert.match(answer, /"whole "[\s\S]*"answer"[\s\S]*data: \[DONE\]/);
      else assert.match(answer, /"content":"whole answer"/);
      await gateway.gateway.idle();
      assert.equal(gateway.bought.at(-1)?.job.state, 'charged');
      assert.deepEqual(gateway.faults, []);
    });
  });
}
