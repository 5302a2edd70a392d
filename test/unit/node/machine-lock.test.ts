/**
 * Verifies: agents of two users never hold the machine's lock at the same time, those of one user share it, and a program
 *   that isn't Idlewatt keeps nobody from computing.
 * Setup: several locks on one free port of loopback, each as the agent of a user, in random orders.
 * Fails if: two users compute at the same time, a lock that was released or whose holder ended goes to nobody, or any
 *   program on the port stops Idlewatt.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMachineLock } from '../../../main/adapters/node/index.ts';
import type { MachineLock, MachineLockState } from '../../../main/ports/machine-lock.ts';
import { freePort } from '../../../scripts/lib/free-port.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const [ADA, BOB] = ['a'.repeat(16), 'b'.repeat(16)];

const lockOf = (user: string, port: number) => createMachineLock({ log: createRecordingLog(), port, user });

/** Resolves once the lock is in one of the states. */
async function until(lock: MachineLock, ...states: MachineLockState[]): Promise<void> {
  while (!states.includes(lock.state())) {
    await new Promise<void>((resolve) => {
      const forget = lock.onChange(() => {
        forget();
        resolve();
      });
    });
  }
}

const settled = (lock: MachineLock) => until(lock, 'free', 'held', 'taken');

test('another user waits until the lock is released, and then holds it', async () => {
  const port = await freePort();
  const [ada, bob] = [lockOf(ADA, port), lockOf(BOB, port)];
  ada.want();
  await until(ada, 'held');
  bob.want();
  await until(bob, 'taken');
  ada.release();
  await until(bob, 'held');
  ada.want();
  await until(ada, 'taken');
  bob.release();
  await until(ada, 'held');
  ada.release();
});

test('agents of one user share it; the second excludes others after the first has ended', async () => {
  const port = await freePort();
  const [ada, second, bob] = [lockOf(ADA, port), lockOf(ADA, port), lockOf(BOB, port)];
  ada.want();
  await until(ada, 'held');
  second.want();
  await until(second, 'held');
  ada.release();
  await until(second, 'asking');
  await until(second, 'held');
  bob.want();
  await until(bob, 'taken');
  second.release();
  await until(bob, 'held');
  bob.release();
});

for (const [what, sends] of [
  ['sends something else', 'HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(10)],
  ['ends the connection', null],
  ['sends nothing', ''],
] as const) {
  test(`a program on the port that ${what} keeps nobody from computing`, async (context) => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      if (sends === null) socket.end();
      else socket.write(sends);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    context.after(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    });
    const lock = lockOf(ADA, (server.address() as AddressInfo).port);
    lock.want();
    await until(lock, 'held');
    lock.release();
  });
}

test('in any order of wishes, the agents of two users never hold it together, and who wants it isn’t forgotten', async () => {
  const steps = fc.array(fc.tuple(fc.nat(2), fc.boolean()), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(steps, async (order) => {
      const port = await freePort();
      const locks = [lockOf(ADA, port), lockOf(ADA, port), lockOf(BOB, port)] as const;
      const check = () => {
        const [ada, second, bob] = locks.map((lock) => lock.state() === 'held');
        assert.ok(!(bob && (ada || second)), locks.map((lock) => lock.state()).join());
      };
      for (const [index, isWish] of order) {
        const lock = locks[index] ?? assert.fail();
        if (isWish) lock.want();
        else lock.release();
        // A released lock moves to another one over several states.
        for (let round = 0; round < 3; round += 1) {
          await Promise.all(locks.map(settled));
          await new Promise((resolve) => setImmediate(resolve));
        }
        check();
      }
      for (const lock of locks) lock.release();
    }),
    { numRuns: 30 },
  );
});
