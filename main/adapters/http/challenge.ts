/**
 * Answers the connections of a certificate authority (tls-alpn-01, RFC 8737) at a server of TLS. Node chooses the certificate
 * before a protocol, so what a client asks for is read from its first record. That happens only while a challenge is shown.
 */
import type { Socket } from 'node:net';
import { createServer, type Server as TlsServer } from 'node:tls';
import type { ShowChallenge } from '../../ports/certificates.ts';

const PROTOCOL = 'acme-tls/1';
/** The protocol as a ClientHello lists it, with its length. No name of a host has a slash. */
const LISTED = Buffer.from(`${String.fromCharCode(PROTOCOL.length)}${PROTOCOL}`);
const RECORD_HEAD_BYTES = 5;
const RECORD_BYTES_MAX = 16 * 1_024;
/** A connection that sends no complete record in this time is ended. */
const FIRST_RECORD_MS_MAX = 5_000;
const HANDSHAKE_MS_MAX = 5_000;

/** Takes over the connections of this server, and passes on all but those of an authority. */
export function challengesAt(server: TlsServer): ShowChallenge {
  const accept = server.listeners('connection').at(0) as (socket: Socket) => void;
  let shown: TlsServer | null = null;
  server.off('connection', accept);
  server.on('connection', (socket: Socket) => {
    const challenge = shown;
    if (challenge === null) accept.call(server, socket);
    else {
      readFirstRecord(socket, (record) => {
        if (record.includes(LISTED)) challenge.emit('connection', socket);
        else accept.call(server, socket);
      });
    }
  });
  return ({ chain, key }) => {
    const options = { cert: chain, key, ALPNProtocols: [PROTOCOL], handshakeTimeout: HANDSHAKE_MS_MAX };
    // The handshake is all that an authority wants; a client that keeps its side open isn't waited for.
    const own = createServer(options, (socket) => socket.on('error', ignore).destroySoon());
    shown = own;
    return () => {
      if (shown === own) shown = null;
    };
  };
}

const ignore = () => undefined;

/** Reads the first record and puts it back. A client that leaves or is too slow is forgotten. */
function readFirstRecord(socket: Socket, done: (record: Buffer) => void): void {
  let read = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), FIRST_RECORD_MS_MAX);
  const stop = () => {
    clearTimeout(timer);
    socket.off('data', take).off('error', ignore).off('close', stop);
  };
  const take = (chunk: Buffer) => {
    read = Buffer.concat([read, chunk]);
    if (!isComplete(read)) return;
    stop();
    socket.pause();
    socket.unshift(read);
    done(read);
  };
  socket.on('data', take).on('error', ignore).on('close', stop);
}

/** True as well for what is no record of a handshake: the server of TLS refuses it. */
function isComplete(read: Buffer): boolean {
  if (read.length < RECORD_HEAD_BYTES) return false;
  const bytes = RECORD_HEAD_BYTES + read.readUInt16BE(RECORD_HEAD_BYTES - 2);
  return read.length >= Math.min(bytes, RECORD_BYTES_MAX);
}
