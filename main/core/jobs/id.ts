/** Job IDs, sortable by time, so that the database stores consecutive jobs next to each other. */
import { randomBytes } from 'node:crypto';

/** A UUID of version 7 (RFC 9562): milliseconds, then 74 random bits. */
export function newJobId(atMs: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Math.max(0, Math.floor(atMs)), 0, 6);
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
