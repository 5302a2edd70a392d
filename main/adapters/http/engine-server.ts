/** HTTP to an engine server, through sockets that lead to one fixed address. */
import { lookup } from 'node:dns/promises';
import { Agent, request } from 'undici';
import type { ConnectEngineServer, FindAddresses } from '../../ports/engine-server.ts';

/** Sockets to one server; an engine computes fewer answers concurrently anyway. */
const CONNECTIONS_MAX = 32;
const CONNECT_MS_MAX = 5_000;
const HEADER_BYTES_MAX = 16 * 1_024;

/** The dispatcher is the connection's own: neither proxies nor redirects of the process apply to it. */
export const connectEngineServer: ConnectEngineServer = ({ url, address, key }) => {
  const agent = new Agent({
    connections: CONNECTIONS_MAX,
    pipelining: 1,
    maxHeaderSize: HEADER_BYTES_MAX,
    // Prompts may be read for minutes; the caller has deadlines of its own.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: CONNECT_MS_MAX,
      lookup: (_host, { all }, callback) => {
        const family = address.includes(':') ? 6 : 4;
        if (all) callback(null, [{ address, family }]);
        else callback(null, address, family);
      },
    },
  });
  return {
    async send({ method, path, body, signal }) {
      const response = await request(`${url}${path}`, {
        method,
        signal,
        dispatcher: agent,
        headers: {
          accept: 'application/json, text/event-stream',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(key !== null && { authorization: `Bearer ${key}` }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const { 'content-type': contentType } = response.headers;
      return {
        status: response.statusCode,
        contentType: typeof contentType === 'string' ? contentType : '',
        body: response.body,
      };
    },
    close() {
      // Requests in progress reject for their own callers.
      void agent.destroy().catch(() => undefined);
    },
  };
};

/** Looks a host name up as the system does, including its hosts file. */
export const findAddresses: FindAddresses = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);
