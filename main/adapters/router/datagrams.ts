/** UDP to the router: sends a message, again while nothing fits, and reads what its address sends. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** The address of this machine through which it reaches the router. Nothing is sent. */
export async function addressTowards(router: string, port: number): Promise<string> {
  const socket = createSocket('udp4');
  try {
    socket.connect(port, router);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}

export interface Exchange<Answer> {
  /** The address whose datagrams are read. */
  readonly router: string;
  readonly localAddress: string;
  readonly targets: readonly { readonly host: string; readonly port: number }[];
  readonly messages: readonly Uint8Array[];
  /** Milliseconds after the start at which the messages are sent. */
  readonly sendAtMs: readonly number[];
  /** Milliseconds after the last sending. */
  readonly waitMs: number;
  /** Returns null for what isn't an answer. `port`: the sender's. */
  read(bytes: Uint8Array, port: number): Answer | null;
  /** Ends early with so many answers. */
  readonly answersMax: number;
}

/** Datagrams that are looked at in one exchange. */
const DATAGRAMS_MAX = 256;

/** Returns the answers, in order. Rejects only if the signal aborts. */
export async function exchange<Answer>(
  wanted: Exchange<Answer>,
  signal: AbortSignal,
): Promise<readonly Answer[]> {
  signal.throwIfAborted();
  const socket = createSocket('udp4');
  const answers: Answer[] = [];
  const timers: NodeJS.Timeout[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let datagrams = 0;
  socket.on('error', () => resolve());
  socket.on('message', (bytes: Uint8Array, from: RemoteInfo) => {
    datagrams += 1;
    if (datagrams > DATAGRAMS_MAX) return resolve();
    if (from.address !== wanted.router) return;
    const answer = wanted.read(bytes, from.port);
    if (answer !== null && answers.push(answer) >= wanted.answersMax) resolve();
  });
  signal.addEventListener('abort', () => resolve(), { once: true });
  socket.bind(0, wanted.localAddress, () => {
    for (const atMs of wanted.sendAtMs) timers.push(setTimeout(() => sendAll(socket, wanted), atMs));
    timers.push(setTimeout(resolve, (wanted.sendAtMs.at(-1) ?? 0) + wanted.waitMs));
  });
  await promise;
  for (const timer of timers) clearTimeout(timer);
  socket.close();
  signal.throwIfAborted();
  return answers;
}

function sendAll<Answer>(socket: Socket, { messages, targets }: Exchange<Answer>): void {
  for (const { host, port } of targets) {
    // A target that can't be reached answers nothing.
    for (const message of messages) socket.send(message, port, host, () => undefined);
  }
}
