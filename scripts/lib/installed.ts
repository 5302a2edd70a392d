/** Compares the import table with what exists: package.json, the adapter folders and the list in ARCHITECTURE.md. */
import { z } from 'zod';
import { covers, LAYERS, TOOLS, VENDORS } from './layers.ts';
import type { Violation } from './violations.ts';

export interface Installation {
  /** Text of package.json. */
  readonly packageJson: string;
  /** Text of ARCHITECTURE.md. */
  readonly architecture: string;
  /** Names of the folders in main/adapters. */
  readonly adapters: readonly string[];
}

const dependenciesSchema = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
});
/** The row `| main/adapters/<vendor>/ | …: a, b, c | … |` (names in backticks or not) of the table of modules. */
const ADAPTERS_ROW = /^\|\s*`main\/adapters\/<vendor>\/`\s*\|([^|]*)\|/m;

export function findInstallationViolations({
  packageJson,
  architecture,
  adapters,
}: Installation): Violation[] {
  const { dependencies, devDependencies } = dependenciesSchema.parse(JSON.parse(packageJson));
  return [
    ...packageViolations([...Object.keys(dependencies), ...Object.keys(devDependencies)]),
    ...Object.keys(VENDORS)
      .filter((name) => !adapters.includes(name))
      .map((name) => tableViolation(name, 'the table of vendor libraries names an adapter without a folder')),
    ...architectureViolations(architecture, adapters),
  ];
}

function packageViolations(installed: readonly string[]): Violation[] {
  const allowed = [
    ...LAYERS.flatMap(({ packages }) => (packages === 'any' ? [] : packages)),
    ...Object.values(VENDORS).flat(),
  ];
  const isUsable = (name: string) => allowed.some((entry) => covers(entry, name));
  return [
    ...[...new Set([...allowed, ...Object.keys(TOOLS)])]
      .filter(
        (entry) =>
          entry !== 'node:*' && !installed.some((name) => covers(entry, name) || covers(name, entry)),
      )
      .map((entry) => tableViolation(entry, 'the table names a package that package.json does not list')),
    ...installed
      .filter((name) => !isUsable(name) && !Object.hasOwn(TOOLS, name))
      .map((name) =>
        packageViolation(
          name,
          'no layer may import this package: add it to a layer, explain it in TOOLS, or uninstall it',
        ),
      ),
    ...installed
      .filter((name) => isUsable(name) && Object.hasOwn(TOOLS, name))
      .map((name) => tableViolation(name, 'TOOLS explains a package that a layer may import')),
  ];
}

function architectureViolations(text: string, adapters: readonly string[]): Violation[] {
  const cell = ADAPTERS_ROW.exec(text)?.[1];
  const file = 'ARCHITECTURE.md';
  if (cell === undefined) {
    return [
      { file, line: null, subject: 'main/adapters/<vendor>/', why: 'the table of modules has no such row' },
    ];
  }
  const listed = cell
    .slice(cell.lastIndexOf(':') + 1)
    .split(',')
    .map((name) => name.replaceAll('`', '').trim());
  return [
    ...adapters
      .filter((name) => !listed.includes(name))
      .map((name) => ({ file, line: null, subject: name, why: 'the list of adapters lacks this folder' })),
    ...listed
      .filter((name) => !adapters.includes(name))
      .map((name) => ({
        file,
        line: null,
        subject: name,
        why: 'the list of adapters names a missing folder',
      })),
  ];
}

const tableViolation = (subject: string, why: string): Violation => ({
  file: 'scripts/lib/layers.ts',
  line: null,
  subject,
  why,
});
const packageViolation = (subject: string, why: string): Violation => ({
  file: 'package.json',
  line: null,
  subject,
  why,
});
