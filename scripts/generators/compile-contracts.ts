/**
 * Compiles `contracts/*.sol` into `contracts/artifacts/*.json`: the same bytes on every machine, without downloads.
 * Run it by hand (`node scripts/generators/compile-contracts.ts`) when a contract changes.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { z } from 'zod';
import { REPOSITORY } from '../lib/places.ts';

const FOLDER = join(REPOSITORY, 'contracts');
const require = createRequire(import.meta.url);

const outputSchema = z.object({
  errors: z.array(z.object({ severity: z.string(), formattedMessage: z.string() })).optional(),
  contracts: z
    .record(
      z.string(),
      z.record(
        z.string(),
        z.object({
          abi: z.array(z.unknown()),
          evm: z.object({
            deployedBytecode: z.object({
              object: z.string(),
              immutableReferences: z.record(z.string(), z.unknown()).optional(),
            }),
          }),
        }),
      ),
    )
    .optional(),
});

/**
 * Returns the text of each artifact file by contract name: `{ contract, compiler, abi, deployedBytecode }`.
 * `more` adds sources by file name (for example a test's attacking contract) that may import the others.
 */
export function compileContracts(more: Readonly<Record<string, string>> = {}): ReadonlyMap<string, string> {
  const solc: { compile(input: string, callbacks: object): string; version(): string } = require('solc');
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.sol'));
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries([
      ...files.map((name) => [name, { content: readFileSync(join(FOLDER, name), 'utf8') }]),
      ...Object.entries(more).map(([name, content]) => [name, { content }]),
    ]),
    settings: {
      optimizer: { enabled: true, runs: 10_000 },
      evmVersion: 'cancun',
      // Without the metadata hash the bytes depend only on the code, not on comments or paths.
      metadata: { bytecodeHash: 'none', appendCBOR: false },
      outputSelection: { '*': { '*': ['abi', 'evm.deployedBytecode'] } },
    },
  };
  const output = outputSchema.parse(
    JSON.parse(solc.compile(JSON.stringify(input), { import: readDependency })),
  );
  const failures = (output.errors ?? []).filter((entry) => entry.severity === 'error');
  if (failures.length > 0) throw new Error(failures.map((entry) => entry.formattedMessage).join('\n'));
  const artifacts = new Map<string, string>();
  for (const file of [...files, ...Object.keys(more)]) {
    for (const [contract, compiled] of Object.entries(output.contracts?.[file] ?? {})) {
      const code = compiled.evm.deployedBytecode;
      if (code.object === '') continue;
      if (Object.keys(code.immutableReferences ?? {}).length > 0) {
        throw new Error(
          `${contract} has immutables. The practice chain places code without running a constructor, so it can't have any.`,
        );
      }
      const artifact = {
        contract,
        compiler: solc.version(),
        abi: compiled.abi,
        deployedBytecode: `0x${code.object}`,
      };
      artifacts.set(contract, `${JSON.stringify(artifact, null, 1)}\n`);
    }
  }
  return artifacts;
}

function readDependency(path: string): { contents: string } | { error: string } {
  if (!path.startsWith('@openzeppelin/')) return { error: `unexpected import ${path}` };
  return { contents: readFileSync(join(REPOSITORY, 'node_modules', path), 'utf8') };
}

if (import.meta.main) {
  mkdirSync(join(FOLDER, 'artifacts'), { recursive: true });
  for (const [contract, text] of compileContracts()) {
    writeFileSync(join(FOLDER, 'artifacts', `${contract}.json`), text);
    console.log(`${contract}: ${(JSON.parse(text).deployedBytecode.length - 2) / 2} bytes`);
  }
}
