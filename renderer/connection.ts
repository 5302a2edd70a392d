/**
 * Connects a page to its agent: over a message port from the desktop's preload script, or over a WebSocket
 * on loopback in a browser. No other file of the pages depends on which of the two it is.
 *
 * For a browser the agent prints `http://127.0.0.1:PORT/#token=HEX`. The token is in the fragment, so that
 * it appears in no server's log. The page moves it from the address bar to sessionStorage and sends it as
 * the second subprotocol of the WebSocket: `['idlewatt', 'token.HEX']`. The server accepts the subprotocol
 * `idlewatt`; for a wrong token it closes the socket with code 4401.
 */
import type { ClientLink } from '@orpc/client';
import { RPCLink as PortLink } from '@orpc/client/message-port';
import { RPCLink as SocketLink } from '@orpc/client/websocket';
import {
  type BrowserHalf,
  browserHalfSchema,
  type PairProblem,
  pairFailureSchema,
} from '../shared/pairing.ts';
import type { SecretTask } from '../shared/secret-window.ts';
import {
  API_SOCKET_PATH,
  CLOSE_TOKEN_REFUSED,
  IPC,
  PAIR_PATH,
  pairProtocols,
  socketProtocols,
  TOKEN_FRAGMENT,
} from '../shared/wire.ts';

/** Everything that the desktop's preload script exposes to a page. */
export interface DesktopBridge {
  /** Requests a new port, which arrives as the window message {@link IPC.port}. */
  connect(): void;
  /** The listener gets the current step of the agent's start immediately, and then each change. */
  onStartup(listener: (startup: unknown) => void): void;
  /** Has the shell open its window for secrets. Nothing that happens there reaches the page. */
  openSecret(task: SecretTask): void;
  readonly platform: string;
}

declare global {
  interface Window {
    readonly idlewatt?: DesktopBridge;
  }
}

const TOKEN_KEY = 'idlewatt.token';
/** The half of a paired browser's access that scripts may read; the other one is a cookie. */
const PAIR_KEY = 'idlewatt.pair';
const OPEN_TIMEOUT_MS = 10_000;

/** An open connection to the agent. `closed` resolves when it ends, with whether the token was refused. */
export interface Connection {
  readonly link: ClientLink<Record<never, never>>;
  /** True in a browser: the agent itself reports its start. In the desktop the shell does. */
  readonly isSocket: boolean;
  readonly closed: Promise<{ readonly refused: boolean }>;
  close(): void;
}

/** No connection to the agent: this tab has no token, the agent refused the token, or it can't be reached. */
export class NotConnected extends Error {
  readonly reason: 'no-token' | 'refused' | 'unreachable';
  constructor(reason: 'no-token' | 'refused' | 'unreachable') {
    super(`No connection to Idlewatt (${reason}).`);
    this.name = 'NotConnected';
    this.reason = reason;
  }
}

/** Connects to the agent. Rejects with {@link NotConnected}. */
export function connect(): Promise<Connection> {
  return window.idlewatt ? connectPort(window.idlewatt) : connectSocket();
}

/** Moves the token from the address bar to sessionStorage. Call it once, before the route is read. */
export function takeToken(): void {
  const match = new RegExp(`^${TOKEN_FRAGMENT}([0-9a-fA-F]{16,256})$`).exec(window.location.hash);
  if (!match?.[1]) return;
  sessionStorage.setItem(TOKEN_KEY, match[1]);
  window.history.replaceState(null, '', `${window.location.pathname}${window.location.search}#/`);
}

function connectPort(bridge: DesktopBridge): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(() => reject(new NotConnected('unreachable'))), OPEN_TIMEOUT_MS);
    const finish = (end: () => void) => {
      clearTimeout(timer);
      window.removeEventListener('message', onMessage);
      end();
    };
    const onMessage = (event: MessageEvent<unknown>) => {
      const port = event.data === IPC.port && event.source === window ? event.ports[0] : undefined;
      if (!port) return;
      const { promise: closed, resolve: end } = Promise.withResolvers<{ refused: boolean }>();
      // Electron fires this event when the other end is gone; plain Chromium doesn't.
      port.addEventListener('close', () => end({ refused: false }));
      port.start();
      const close = () => {
        port.close();
        // The end that closes the port gets no event.
        end({ refused: false });
      };
      finish(() => resolve({ link: new PortLink({ port }), isSocket: false, closed, close }));
    };
    window.addEventListener('message', onMessage);
    bridge.connect();
  });
}

function connectSocket(): Promise<Connection> {
  const token = sessionStorage.getItem(TOKEN_KEY);
  const paired = pairedHalf();
  const protocols = token ? socketProtocols(token) : paired && pairProtocols(paired);
  if (!protocols) return Promise.reject(new NotConnected('no-token'));
  const socket = new WebSocket(`ws://${window.location.host}${API_SOCKET_PATH}`, protocols);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS);
    const closed = new Promise<{ refused: boolean }>((done) => {
      socket.addEventListener('close', (event) => {
        clearTimeout(timer);
        const refused = event.code === CLOSE_TOKEN_REFUSED;
        // The token is of an earlier start; a paired browser doesn't need it.
        if (refused && token && paired) sessionStorage.removeItem(TOKEN_KEY);
        done({ refused });
        reject(new NotConnected(refused ? 'refused' : 'unreachable'));
      });
    });
    socket.addEventListener('open', () => {
      clearTimeout(timer);
      resolve({
        link: new SocketLink({ websocket: socket }),
        isSocket: true,
        closed,
        close: () => socket.close(),
      });
    });
  });
}

function pairedHalf(): BrowserHalf | null {
  try {
    const stored = browserHalfSchema.safeParse(JSON.parse(localStorage.getItem(PAIR_KEY) ?? 'null'));
    return stored.success ? stored.data : null;
  } catch {
    return null;
  }
}

/** Exchanges a code of the terminal for access of this browser's own, and loads the page with it. Resolves with why not. */
export async function pairBrowser(code: string, name: string): Promise<PairProblem | 'unreachable'> {
  try {
    const response = await fetch(PAIR_PATH, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ code, name }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) return pairFailureSchema.parse(answer).problem;
    localStorage.setItem(PAIR_KEY, JSON.stringify(browserHalfSchema.parse(answer)));
  } catch {
    return 'unreachable';
  }
  sessionStorage.removeItem(TOKEN_KEY);
  window.location.reload();
  // The page is on its way out.
  return new Promise(() => {});
}
