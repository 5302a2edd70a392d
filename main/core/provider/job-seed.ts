/** Seed of a job whose requester sent none, so that its sampling can be repeated too. */
import { createHash } from 'node:crypto';

/** The first four bytes of the ID's sha256, little-endian. */
export function jobSeed(jobId: string): number {
  return createHash('sha256').update(jobId).digest().readUInt32LE(0);
}
