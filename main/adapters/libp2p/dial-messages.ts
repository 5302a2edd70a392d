/** Messages of AutoNAT version 2 (libp2p's specification), as far as they are used here: one address per question. */
import { reader, writer } from 'protons-runtime';

export interface DialRequest {
  /** Multiaddrs in binary form. */
  readonly addresses: readonly Uint8Array[];
  readonly nonce: bigint;
}

/** Answers that the asked node gives about itself. */
export const RESPONSE = { internalError: 0, rejected: 100, refused: 101, ok: 200 } as const;
/** Results of the dial. */
export const DIAL = { unused: 0, error: 100, backError: 101, ok: 200 } as const;

export interface DialResponse {
  readonly status: number;
  /** The position of the dialed address in the question. */
  readonly index: number;
  readonly dial: number;
}

/** Longest message that is read. */
export const MESSAGE_BYTES_MAX = 2_048;
/** Addresses of a question that are looked at. */
const ADDRESSES_MAX = 8;

/** Numbers of the fields, with their wire types in {@link tag}. */
const FIELD = { request: 1, response: 2 } as const;
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

export function writeRequest({ addresses, nonce }: DialRequest): Uint8Array {
  const inner = writer();
  for (const address of addresses) inner.uint32(tag(1, BYTES)).bytes(address);
  inner.uint32(tag(2, FIXED64)).fixed64(nonce);
  return writer().uint32(tag(FIELD.request, BYTES)).bytes(inner.finish()).finish();
}

export function writeResponse({ status, index, dial }: DialResponse): Uint8Array {
  const inner = writer();
  inner.uint32(tag(1, VARINT)).int32(status);
  inner.uint32(tag(2, VARINT)).uint32(index);
  inner.uint32(tag(3, VARINT)).int32(dial);
  return writer().uint32(tag(FIELD.response, BYTES)).bytes(inner.finish()).finish();
}

export function writeNonce(nonce: bigint): Uint8Array {
  return writer().uint32(tag(1, FIXED64)).fixed64(nonce).finish();
}

/** Its only field has the default value. */
export const NONCE_TAKEN = new Uint8Array(0);

/** Null for any other message. Throws for malformed bytes. */
export function readRequest(bytes: Uint8Array): DialRequest | null {
  const inner = fieldOf(bytes, FIELD.request);
  if (inner === null) return null;
  const addresses: Uint8Array[] = [];
  let nonce = 0n;
  for (const { field, type, input } of fields(inner)) {
    if (field === 1 && type === BYTES) {
      const address = input.bytes();
      if (addresses.length < ADDRESSES_MAX) addresses.push(address);
    } else if (field === 2 && type === FIXED64) nonce = BigInt.asUintN(64, input.fixed64());
    else input.skipType(type);
  }
  return { addresses, nonce };
}

/** Null for any other message. Throws for malformed bytes. */
export function readResponse(bytes: Uint8Array): DialResponse | null {
  const inner = fieldOf(bytes, FIELD.response);
  if (inner === null) return null;
  const values = { status: 0, index: 0, dial: 0 };
  const names = [null, 'status', 'index', 'dial'] as const;
  for (const { field, type, input } of fields(inner)) {
    const name = names[field] ?? null;
    if (name !== null && type === VARINT) values[name] = input.int32();
    else input.skipType(type);
  }
  return values;
}

/** Throws for malformed bytes. */
export function readNonce(bytes: Uint8Array): bigint {
  let nonce = 0n;
  for (const { field, type, input } of fields(bytes)) {
    if (field === 1 && type === FIXED64) nonce = BigInt.asUintN(64, input.fixed64());
    else input.skipType(type);
  }
  return nonce;
}

function tag(field: number, type: number): number {
  return field * 8 + type;
}

/** The bytes of one field of a message, null if it has none. */
function fieldOf(bytes: Uint8Array, wanted: number): Uint8Array | null {
  let found: Uint8Array | null = null;
  for (const { field, type, input } of fields(bytes)) {
    if (field === wanted && type === BYTES) found = input.bytes();
    else input.skipType(type);
  }
  return found;
}

/** The caller reads or skips the value of each field. */
function* fields(bytes: Uint8Array) {
  const input = reader(bytes);
  while (input.pos < input.len) {
    const next = input.uint32();
    yield { field: next >>> 3, type: next & 7, input };
  }
}
