/** Writes the licenses of everything in an installed app that others wrote, except those of Electron and Chromium. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { bundledPackages, packageFolderOf } from './bundled-packages.ts';
import type { PackageFile } from './package-contents.ts';
import { REPOSITORY } from './places.ts';

/** Path in an installed app's folder. The page "About" and the documents name it. */
export const LICENSES_FILE = 'resources/THIRD-PARTY-LICENSES.txt';

const LICENSE_NAME = /^(?:licen[cs]e|copying|notice|unlicense)(?:[.-].*)?$/i;
/** A package's copy of the Apache License, for those that only name it. */
const APACHE_TEXT = 'node_modules/react-aria-components/LICENSE';
const RULE = '-'.repeat(100);
const HEAD = `Idlewatt contains the software listed here, with the licenses under which it is distributed.
The licenses of Electron and Chromium are in LICENSE.electron.txt and LICENSES.chromium.html, in the folder of the app.
`;

const authorSchema = z.union([z.string(), z.looseObject({ name: z.string() })]);
const manifestSchema = z.looseObject({
  name: z.string(),
  version: z.string(),
  license: z.union([z.string(), z.looseObject({ type: z.string() })]).optional(),
  author: authorSchema.optional(),
});

/** Parts of binaries, which no package describes. */
const PARTS = [
  {
    name: 'llama.cpp and ggml (in the engine)',
    license: 'MIT',
    copyright: 'Copyright (c) 2023-2026 The ggml authors',
    package: '@node-llama-cpp/',
  },
  {
    name: 'SQLite (in better-sqlite3)',
    license: 'in the public domain',
    copyright: '',
    package: 'better-sqlite3',
  },
] as const;

/** The text of the file for an app with these files. Fails if a package doesn't name its license. */
export function thirdPartyLicenses(files: readonly PackageFile[]): string {
  const folders = new Set([
    ...bundledPackages(),
    ...files.flatMap(({ to }) => (to.startsWith('node_modules/') ? (packageFolderOf(to) ?? []) : [])),
  ]);
  const sections = new Map([...folders].map((folder) => sectionOf(folder)));
  for (const part of PARTS) {
    if (![...folders].some((folder) => folder.includes(`/${part.package}`))) continue;
    sections.set(
      part.name,
      `${part.name}\nLicense: ${part.license}\n\n${part.license === 'MIT' ? mit(part.copyright) : ''}`,
    );
  }
  const names = [...sections.keys()].sort((a, b) => a.localeCompare(b, 'en'));
  return [HEAD, ...names.map((name) => sections.get(name))].join(`\n${RULE}\n`);
}

/** One section per name and version: some packages are installed in several places. */
function sectionOf(folder: string): [title: string, section: string] {
  const path = join(REPOSITORY, folder);
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')));
  const license = typeof manifest.license === 'object' ? manifest.license.type : manifest.license;
  const texts = readdirSync(path)
    .filter((name) => LICENSE_NAME.test(name))
    .sort()
    .map((name) => readFileSync(join(path, name), 'utf8').trim());
  const title = `${manifest.name} ${manifest.version}`;
  if (license === undefined && texts.length === 0) throw new Error(`${title} doesn't name its license.`);
  return [
    title,
    [title, `License: ${license ?? 'see below'}`, '', ...withText(texts, license, manifest)].join('\n'),
  ];
}

/** A package without a license's text has that of its identifier, with its author. */
function withText(
  texts: readonly string[],
  license: string | undefined,
  { name, author }: z.infer<typeof manifestSchema>,
): readonly string[] {
  if (texts.length > 0) return texts;
  const copyright = `Copyright (c) ${(typeof author === 'object' ? author.name : author) ?? `The authors of ${name}`}`;
  if (license !== undefined && /\bMIT\b/.test(license)) return [mit(copyright)];
  if (license === 'Apache-2.0')
    return [copyright, '', readFileSync(join(REPOSITORY, APACHE_TEXT), 'utf8').trim()];
  throw new Error(`${name} has no text of its license, ${license}.`);
}

function mit(copyright: string): string {
  return `${copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
}
