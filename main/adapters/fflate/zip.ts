/** Writes zip files, which every system can open. */
import { strToU8, zipSync } from 'fflate';

export interface ZipMember {
  /** Path inside the zip, with forward slashes. */
  readonly name: string;
  readonly text: string;
}

/** Returns the whole zip; for members that fit in memory together. */
export function zipTexts(members: readonly ZipMember[], modifiedAtMs: number): Uint8Array {
  const entries = members.map(({ name, text }) => [name, strToU8(text)] as const);
  return zipSync(Object.fromEntries(entries), { level: 9, mtime: modifiedAtMs });
}
