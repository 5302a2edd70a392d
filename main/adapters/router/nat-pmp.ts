/** NAT-PMP (RFC 6886): a mapping by two short datagrams to the router. */
import type { MappingRefusal, MappingRequest, PortMapping } from '../../ports/port-mapper.ts';
import { addressTowards, exchange } from './datagrams.ts';

const PORT = 5_351;
const EXTERNAL_ADDRESS = 0;
const MAP_TCP = 2;
/** Added to the operation in an answer. */
const ANSWER = 128;
const RESULT_OK = 0;
/** RFC 6886, section 3.1, without its last, long pauses: UPnP comes next. */
const SEND_AT_MS = [0, 250, 750];
const WAIT_MS = 750;

interface Answer {
  readonly result: number;
  readonly bytes: DataView;
}

/** See {@link PortMapper.map}. */
export async function mapByNatPmp(
  { router, internalPort, lifetimeMs }: MappingRequest,
  signal: AbortSignal,
): Promise<PortMapping | MappingRefusal> {
  const localAddress = await addressTowards(router, PORT).catch(() => null);
  if (localAddress === null) return 'no-router';
  const ask = (operation: number, message: Uint8Array, length: number, within = signal) =>
    askRouter({ router, localAddress }, { operation, message, length }, within);
  const mapped = await ask(MAP_TCP, mapMessage(internalPort, internalPort, lifetimeMs), 16);
  if (mapped === null) return 'no-router';
  if (mapped.result !== RESULT_OK) return 'refused';
  const granted = {
    internalPort: mapped.bytes.getUint16(8),
    externalPort: mapped.bytes.getUint16(10),
    lifetimeMs: mapped.bytes.getUint32(12) * 1_000,
  };
  if (granted.internalPort !== internalPort || granted.externalPort === 0 || granted.lifetimeMs === 0) {
    return 'invalid';
  }
  const address = await ask(EXTERNAL_ADDRESS, new Uint8Array(2), 12);
  return {
    ...{ by: 'nat-pmp', router, internalHost: localAddress, ...granted },
    externalHost: address?.result === RESULT_OK ? hostAt(address.bytes, 8) : null,
    async remove(within) {
      await ask(MAP_TCP, mapMessage(internalPort, 0, 0), 16, within).catch(() => undefined);
    },
  };
}

/** Null if nothing answers in time. */
async function askRouter(
  ends: { readonly router: string; readonly localAddress: string },
  asked: { readonly operation: number; readonly message: Uint8Array; readonly length: number },
  signal: AbortSignal,
): Promise<Answer | null> {
  const [answer = null] = await exchange(
    {
      ...ends,
      targets: [{ host: ends.router, port: PORT }],
      messages: [asked.message],
      ...{ sendAtMs: SEND_AT_MS, waitMs: WAIT_MS, answersMax: 1 },
      read: (bytes, port) => (port === PORT ? readAnswer(bytes, asked.operation, asked.length) : null),
    },
    signal,
  );
  return answer;
}

/** Null for a datagram that answers something else. `length`: bytes of an answer without an error. */
export function readAnswer(datagram: Uint8Array, operation: number, length: number): Answer | null {
  const bytes = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  if (bytes.byteLength < 4 || bytes.getUint8(1) !== operation + ANSWER) return null;
  const result = bytes.getUint16(2);
  // A router that speaks only the successor of this protocol answers with another version and an error.
  if (result === RESULT_OK && (bytes.getUint8(0) !== 0 || bytes.byteLength < length)) return null;
  return { result, bytes };
}

function mapMessage(internalPort: number, externalPort: number, lifetimeMs: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(12));
  bytes.setUint8(1, MAP_TCP);
  bytes.setUint16(4, internalPort);
  bytes.setUint16(6, externalPort);
  bytes.setUint32(8, Math.round(lifetimeMs / 1_000));
  return new Uint8Array(bytes.buffer);
}

function hostAt(bytes: DataView, offset: number): string {
  return [0, 1, 2, 3].map((index) => bytes.getUint8(offset + index)).join('.');
}
