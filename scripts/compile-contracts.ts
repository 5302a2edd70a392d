/** Compiles `contracts/*.sol` into `contracts/artifacts/*.json`, the same bytes on every machine, without downloads. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'contracts');
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
 * Text of an artifact file by its contract's name: `{ contract, compiler, abi, deployedBytecode }`.
 * `more` adds sources by file name (a test's adversary, say) that may import the others.
 */
export function compileContracts(more: Readonly<Record<string, string>> = {}): ReadonlyMap<string, string> {
  const solc: { compile(input: string, callbacks: object): string; version(): string } = require('solc');
  const files = readdirSync(folder).filter((name) => name.endsWith('.sol'));
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries([
      ...files.map((name) => [name, { content: readFileSync(join(folder, name), 'utf8') }]),
      ...Object.entries(more).map(([name, content]) => [name, { content }]),
    ]),
    settings: {
      optimizer: { enabled: true, runs: 10_000 },
      evmVersion: 'cancun',
      // Without the metadata hash the bytes depend on the code alone, not on comments or paths.
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
        throw new Error(`${contract} has immutables, which code placed without a constructor cannot have`);
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
  return { contents: readFileSync(join(root, 'node_modules', path), 'utf8') };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(folder, 'artifacts'), { recursive: true });
  for (const [contract, text] of compileContracts()) {
    writeFileSync(join(folder, 'artifacts', `${contract}.json`), text);
    console.log(`${contract}: ${(JSON.parse(text).deployedBytecode.length - 2) / 2} bytes`);
  }
}
