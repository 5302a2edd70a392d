/**
 * An HTTP server for strangers: limits the connections of each address, finds the address behind the owner's own proxies,
 * and serves TLS with a certificate that changes without ending connections: the owner's files, or one that is given later.
 */
import { readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { BlockList, isIP, type Socket } from 'node:net';
import { AppError } from '../../../shared/errors.ts';
import type { CertifiedKey, ShowChallenge } from '../../ports/certificates.ts';
import { challengesAt } from './challenge.ts';
import { closeHttp, prepared, requestListener, SERVER_OPTIONS } from './server.ts';

/** Answers requests; the environment has the visitor's IP address. */
export interface PublicHandler {
  fetch(request: Request, environment: { readonly address: string }): Response | Promise<Response>;
}

export interface PublicServerOptions {
  /** IP addresses, or networks such as `10.0.0.0/8`, of the owner's proxies: only they may name a visitor's address. */
  readonly proxies: readonly string[];
  /**
   * Files of certificate chain and private key (PEM); `given`: TLS with the certificate of `useCertificate`, before which no
   * visitor gets through; null serves plain HTTP.
   */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | 'given' | null;
  /** Reports a certificate that can't be read; the last good one stays. */
  readonly onCertificateFault: (cause: unknown) => void;
  /** Connections in total and of one address; proxies have no limit of their own. */
  readonly connectionsMax?: number;
  readonly connectionsPerAddressMax?: number;
}

export interface PublicServer {
  readonly server: Server;
  /** Reads the certificate again if its file has changed. */
  renewCertificate(): void;
  /** Serves new connections with this certificate. Fails if it can't be used; the former one then stays. */
  useCertificate(certificate: CertifiedKey): void;
  /** Shows a certificate to those connections that ask for `acme-tls/1`. */
  readonly showChallenge: ShowChallenge;
  /** Stops listening and ends every connection, including streams. */
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 4_096;
const CONNECTIONS_PER_ADDRESS_MAX = 128;
/** A payment is at most half of it. */
const HEADER_BYTES_MAX = 16 * 1_024;
const FORWARDED = 'x-forwarded-for';

/** Creates a server that doesn't listen yet. Fails with `bad-request` for a proxy or a certificate that can't be read. */
export function createPublicServer(handler: PublicHandler, options: PublicServerOptions): PublicServer {
  const isProxy = proxyCheck(options.proxies);
  const listener = requestListener((request, { incoming }) => {
    const remote = plain(incoming.socket.remoteAddress ?? '');
    const forwarded = isProxy(remote) ? visitorOf(request.headers.get(FORWARDED), isProxy) : null;
    return handler.fetch(request, { address: forwarded ?? remote });
  });
  const settings = { ...SERVER_OPTIONS, maxHeaderSize: HEADER_BYTES_MAX };
  const { tls } = options;
  const certificate = tls === null || tls === 'given' ? null : createCertificate(tls);
  const server =
    tls === null
      ? createServer(settings, listener)
      : createTlsServer({ ...settings, ...certificate?.read(), minVersion: 'TLSv1.2' }, listener);
  prepared(server as Server);
  server.maxConnections = options.connectionsMax ?? CONNECTIONS_MAX;
  const sockets = limitConnections(
    server,
    options.connectionsPerAddressMax ?? CONNECTIONS_PER_ADDRESS_MAX,
    isProxy,
  );
  return {
    server: server as Server,
    renewCertificate() {
      try {
        if (certificate?.hasChanged()) (server as TlsServer).setSecureContext(certificate.read());
      } catch (error) {
        options.onCertificateFault(error);
      }
    },
    useCertificate: ({ chain, key }) => (server as TlsServer).setSecureContext({ cert: chain, key }),
    showChallenge: challengesAt(server as TlsServer),
    close() {
      const closed = closeHttp(server as Server);
      // Also those that haven't finished their handshake, which the server itself would wait for.
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}

/** Returns the open connections. */
function limitConnections(
  server: Server | TlsServer,
  perAddressMax: number,
  isProxy: (address: string) => boolean,
): ReadonlySet<Socket> {
  const open = new Map<string, number>();
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    const address = plain(socket.remoteAddress ?? '');
    const count = (open.get(address) ?? 0) + 1;
    if (count > perAddressMax && !isProxy(address)) {
      socket.destroy();
      return;
    }
    open.set(address, count);
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
  return sockets;
}

/** The last address that no proxy of the owner's has: everything before it is the visitor's own claim. */
function visitorOf(header: string | null, isProxy: (address: string) => boolean): string | null {
  const addresses = (header ?? '').split(',').map((text) => plain(text.trim()));
  return addresses.findLast((address) => isIP(address) !== 0 && !isProxy(address)) ?? null;
}

/** IPv4 inside IPv6 as IPv4. */
function plain(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

function proxyCheck(proxies: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const text of proxies) {
    const [address = '', prefix] = text.split('/');
    const family = isIP(address);
    if (family === 0) {
      throw new AppError(
        'bad-request',
        `Invalid --trusted-proxy "${text}". Use an IP address or a network such as 10.0.0.0/8.`,
      );
    }
    list.addSubnet(
      address,
      prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix),
      family === 4 ? 'ipv4' : 'ipv6',
    );
  }
  return (address) => {
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
}

function createCertificate({ certFile, keyFile }: { readonly certFile: string; readonly keyFile: string }) {
  const changedAt = () => Math.max(...[certFile, keyFile].map((file) => statSync(file).mtimeMs));
  let readAtMs = 0;
  return {
    hasChanged: () => changedAt() !== readAtMs,
    read(): { readonly cert: Buffer; readonly key: Buffer } {
      try {
        readAtMs = changedAt();
        return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
      } catch (cause) {
        throw new AppError(
          'bad-request',
          `Could not read ${certFile} and ${keyFile}. Check --tls-cert and --tls-key.`,
          {
            cause,
          },
        );
      }
    },
  };
}
