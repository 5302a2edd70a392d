/** An engine server for unit tests: a real HTTP server on loopback whose answers a test writes, also bad ones. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectEngineServer } from '../../../main/adapters/http/index.ts';
import type { EngineServerConnection } from '../../../main/ports/engine-server.ts';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

export type Answer = (request: Received, response: ServerResponse) => unknown;

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** Answers by path; any other is a 404. */
  readonly answers: Record<string, Answer>;
  connect(key?: string): EngineServerConnection;
  /** Resolves when a client has closed its connection in the middle of an answer. */
  readonly left: Promise<void>;
  close(): Promise<void>;
}

export function json(body: unknown, status = 200): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
}

/** Sends the events and the usual end. */
export function stream(events: readonly unknown[], end = 'data: [DONE]\n\n'): Answer {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('') + end);
  };
}

export function piece(content: string, more: object = {}): object {
  return { choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more };
}

export function finish(reason = 'stop'): object {
  return { choices: [{ index: 0, delta: {}, finish_reason: reason }] };
}

export function usageEvent(prompt: number, completion: number): object {
  return { choices: [], usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: 0 } };
}

export async function startTestServer(answers: Record<string, Answer> = {}): Promise<TestServer> {
  const received: Received[] = [];
  const left = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    response.on('close', () => {
      if (!response.writableFinished) left.resolve();
    });
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const { method = '', url: path = '', headers } = request;
      const taken = { method, path, headers, body: text === '' ? {} : JSON.parse(text) };
      received.push(taken);
      (answers[path] ?? json({}, 404))(taken, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    ...{ url, port, received, answers, left: left.promise },
    connect: (key) => connectEngineServer({ url, address: '127.0.0.1', key: key ?? null }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
