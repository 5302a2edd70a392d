/** Calls from a test to its program at a host of the lab, over the program's channel for messages. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Lab } from './lab.ts';

/** Functions with arguments and results that can be sent as messages. */
type Calls<T> = { readonly [K in keyof T]: (...given: never[]) => Promise<unknown> };

/** Starts the program at a host; every call is one of its program's. `started` gets the process. */
export function callsAt<T extends Calls<T>, Name extends string>(
  lab: Lab<Name>,
  host: Name,
  program: string,
  started: (child: ChildProcess) => void,
): T {
  const child = lab.start(host, program, []);
  started(child);
  let last = 0;
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`The program at ${host} ended with ${code}`);
  });
  ended.catch(() => undefined);
  const call = (name: string, given: readonly unknown[]) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      const answer = (message: { id: number; result?: unknown; error?: string }) => {
        if (message.id !== id) return;
        child.off('message', answer);
        if (message.error === undefined) resolve(message.result);
        else reject(new Error(`${host}: ${message.error}`));
      };
      child.on('message', answer);
      ended.catch(reject);
      child.send({ id, name, given });
    });
  return new Proxy({} as T, {
    get:
      (_, name) =>
      (...given: unknown[]) =>
        call(String(name), given),
  });
}

/** In the program: answers the calls, and ends with `close` once the test disconnects. */
export function answerCalls<T extends Calls<T>>(calls: T, close: () => Promise<void>): void {
  /** The test may have given up meanwhile. */
  const reply = (message: object) => void (process.connected && process.send?.(message));
  process.on('message', async ({ id, name, given }: { id: number; name: keyof T; given: never[] }) => {
    try {
      reply({ id, result: (await calls[name](...given)) ?? null });
    } catch (error) {
      reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.once('disconnect', async () => {
    await close();
    process.exit(0);
  });
}

/** Ends the programs, each with its `close`. */
export async function disconnectAll(children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map(async (child) => {
      if (!child.connected) return;
      child.disconnect();
      await once(child, 'exit');
    }),
  );
}
