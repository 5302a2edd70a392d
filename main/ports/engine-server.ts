/**
 * Connection to an engine server: HTTP to one address that the owner named. An implementation never follows a redirect,
 * never looks the host up again, and never uses a proxy.
 */

export interface EngineServerTarget {
  /** Without the final `/v1`. */
  readonly url: string;
  /** The only address that is contacted, also if the URL has a host name. */
  readonly address: string;
  readonly key: string | null;
}

export interface EngineServerRequest {
  readonly method: 'GET' | 'POST';
  /** Below the URL, for example `/v1/models`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Closes the request's socket immediately when it aborts. */
  readonly signal: AbortSignal;
}

export interface EngineServerResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface EngineServerConnection {
  /** Resolves with the headers, of any status. Rejects with the cause if the server can't be reached. */
  send(request: EngineServerRequest): Promise<EngineServerResponse>;
  /** Closes all sockets immediately, those of running requests too. */
  close(): void;
}

export type ConnectEngineServer = (target: EngineServerTarget) => EngineServerConnection;

/** Returns all IP addresses of a host name; rejects if there are none. */
export type FindAddresses = (host: string) => Promise<readonly string[]>;

/** The keys of engine servers, by the servers' IDs. Kept in a file that only the owner can read. */
export interface EngineServerKeys {
  get(id: string): string | null;
  /** Stores the key, or removes it if null. Fails with `disk-full` or `disk-unwritable`. */
  set(id: string, key: string | null): void;
}
