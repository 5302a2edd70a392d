/**
 * The one way from a page to its agent, and the only place that knows which: a message port that the
 * desktop's preload hands over, or a WebSocket on loopback in a browser.
 *
 * In a browser the agent prints `http://127.0.0.1:PORT/#token=HEX`. The token stands in the fragment, so
 * that no server sees it in a log; it is kept in sessionStorage, removed from the address bar, and
 * presented as the second subprotocol of the WebSocket: `['idlewatt', 'token.HEX']`. The server answers
 * with the subprotocol `idlewatt`; it refuses a wrong token by closing with code 4401.
 */
import type { ClientLink } from '@orpc/client';
import { RPCLink as PortLink } from '@orpc/client/message-port';
import { RPCLink as SocketLink } from '@orpc/client/websocket';
import type { SecretTask } from '../shared/secret-window.ts';
import {
  API_SOCKET_PATH,
  CLOSE_TOKEN_REFUSED,
  IPC,
  socketProtocols,
  TOKEN_FRAGMENT,
} from '../shared/wire.ts';

/** What the desktop's preload exposes, and nothing else. */
export interface DesktopBridge {
  /** Asks for a fresh port; it arrives as a window message {@link IPC.port}. */
  connect(): void;
  /** Asks the shell to open its window for secrets. The page learns nothing of what happens there. */
  openSecret(task: SecretTask): void;
  readonly platform: string;
}

declare global {
  interface Window {
    readonly idlewatt?: DesktopBridge;
  }
}

const TOKEN_KEY = 'idlewatt.token';
const OPEN_TIMEOUT_MS = 10_000;

/** An open way to the agent; `closed` resolves when it is gone and says whether the token was refused. */
export interface Line {
  readonly link: ClientLink<Record<never, never>>;
  readonly closed: Promise<{ readonly refused: boolean }>;
  close(): void;
}

/** Why there is no line: no token in this tab, a token that the agent refuses, or no agent there. */
export class NotConnected extends Error {
  readonly reason: 'no-token' | 'refused' | 'unreachable';
  constructor(reason: 'no-token' | 'refused' | 'unreachable') {
    super(`no connection to the agent: ${reason}`);
    this.name = 'NotConnected';
    this.reason = reason;
  }
}

/** Opens a line to the agent. Fails with {@link NotConnected}. */
export function openLine(): Promise<Line> {
  return window.idlewatt ? openPort(window.idlewatt) : openSocket();
}

/** Moves the token from the address bar to this tab's storage. Call once, before anything reads the route. */
export function takeToken(): void {
  const match = new RegExp(`^${TOKEN_FRAGMENT}([0-9a-fA-F]{16,256})$`).exec(window.location.hash);
  if (!match?.[1]) return;
  sessionStorage.setItem(TOKEN_KEY, match[1]);
  window.history.replaceState(null, '', `${window.location.pathname}${window.location.search}#/`);
}

function openPort(bridge: DesktopBridge): Promise<Line> {
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
      // Electron tells a page so when the other end is gone; plain Chromium does not.
      port.addEventListener('close', () => end({ refused: false }));
      port.start();
      const close = () => {
        port.close();
        // The end that closes hears no event of its own.
        end({ refused: false });
      };
      finish(() => resolve({ link: new PortLink({ port }), closed, close }));
    };
    window.addEventListener('message', onMessage);
    bridge.connect();
  });
}

function openSocket(): Promise<Line> {
  const token = sessionStorage.getItem(TOKEN_KEY);
  if (!token) return Promise.reject(new NotConnected('no-token'));
  const socket = new WebSocket(`ws://${window.location.host}${API_SOCKET_PATH}`, socketProtocols(token));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS);
    const closed = new Promise<{ refused: boolean }>((done) => {
      socket.addEventListener('close', (event) => {
        clearTimeout(timer);
        const refused = event.code === CLOSE_TOKEN_REFUSED;
        done({ refused });
        reject(new NotConnected(refused ? 'refused' : 'unreachable'));
      });
    });
    socket.addEventListener('open', () => {
      clearTimeout(timer);
      resolve({ link: new SocketLink({ websocket: socket }), closed, close: () => socket.close() });
    });
  });
}
