/**
 * `node scripts/commands/check-docs.ts`: checks that every path of the repository that the documents name, in links
 * and in code, exists, and that `docs/api.md`, `docs/models.md` and the tables of
 * `docs/protocol.md` are what the code makes. Prints a sentence per problem; exit code 1 if there is any.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { BENCHES } from '../bench/index.ts';
import { apiDocument, storedResults } from '../lib/api-document.ts';
import { docPathProblems } from '../lib/doc-paths.ts';
import { modelsDocument } from '../lib/models-document.ts';
import { REPOSITORY } from '../lib/places.ts';
import { protocolDocument } from '../lib/protocol-document.ts';
import { missingCommands } from '../lib/readme-commands.ts';
import { threatTestProblems } from '../lib/threat-tests.ts';

const DOCS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'];
/** Not part of the repository, or of no interest to its documents. */
const SKIPPED_FOLDERS = new Set(['.git', '.cache', 'node_modules', 'dist']);

const files = new Set<string>();
const folders = new Set<string>();
collect(REPOSITORY);

const below = [...files].filter((file) => /^docs\/.*\.md$/.test(file));
const docs = new Map(
  [...DOCS, ...below]
    .filter((name) => existsSync(join(REPOSITORY, name)))
    .map((name) => [name, readFileSync(join(REPOSITORY, name), 'utf8')]),
);
const isApiCurrent = docs.get('docs/api.md') === apiDocument(storedResults());
const isProtocolCurrent = docs.get('docs/protocol.md') === protocolDocument();
const areModelsCurrent = docs.get('docs/models.md') === modelsDocument();
const threats = {
  index: { name: 'docs/threats.md', text: docs.get('docs/threats.md') ?? '' },
  tables: new Map([...docs].filter(([name]) => name.startsWith('docs/threats/'))),
};
const tests = new Map(
  [...files]
    .filter((file) => /^test\/.*\.test\.ts$/.test(file))
    .map((file) => [file, readFileSync(join(REPOSITORY, file), 'utf8')]),
);
const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'));
const commands = { scripts: Object.keys(scripts), benches: Object.keys(BENCHES) };
const problems = [
  ...docPathProblems(docs, { files, folders }),
  ...threatTestProblems(threats, tests),
  ...missingCommands(docs.get('README.md') ?? '', commands),
  ...(isApiCurrent ? [] : ['docs/api.md is out of date: run node scripts/generators/make-api-document.ts']),
  ...(isProtocolCurrent
    ? []
    : ['docs/protocol.md is out of date: run node scripts/generators/make-protocol-document.ts']),
  ...(areModelsCurrent
    ? []
    : ['docs/models.md is out of date: run node scripts/generators/make-models-document.ts']),
];
for (const problem of problems) console.error(problem);
console.log(`${docs.size} documents, ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`);
process.exitCode = problems.length === 0 ? 0 : 1;

function collect(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const name = relative(REPOSITORY, path).split(sep).join('/');
    if (!entry.isDirectory()) files.add(name);
    else if (!SKIPPED_FOLDERS.has(entry.name)) {
      folders.add(name);
      collect(path);
    }
  }
}
