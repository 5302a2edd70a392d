/**
 * Fills the descriptions for winget, Homebrew, AUR and Flathub with a release's version and checksums:
 * `node scripts/generators/make-listings.ts --homepage URL --contact EMAIL --checksums FILE --out DIR`.
 * The version is that of package.json, the checksums are lines of `sha256sum`. docs/release.md says where they go.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { readChecksums, writeListings } from '../lib/listings.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { homepage: text, contact: text, checksums: text, out: text } });
const needed = (name: keyof typeof values): string => {
  const value = values[name];
  if (value === undefined || value === '') throw new Error(`--${name} is missing.`);
  return value;
};
const release = {
  version: packageJson.version,
  homepage: needed('homepage').replace(/\/$/, ''),
  contact: needed('contact'),
  date: new Date().toISOString().slice(0, 10),
  checksums: readChecksums(readFileSync(needed('checksums'), 'utf8')),
};
for (const path of writeListings(release, needed('out'))) console.log(path);
