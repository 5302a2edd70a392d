/**
 * Finds native files of a package that can't load on a plain desktop system, by the libraries that they need. Reads
 * ELF files with binutils' `objdump`, which comes with a C compiler; nothing is loaded or run.
 */
import { execFile } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

export interface NativeFile {
  readonly path: string;
  readonly needs: readonly string[];
  /** Folders in which the loader looks first, as the file names them. */
  readonly searches: readonly string[];
  /** Newest version of glibc whose symbols it uses, as in `2.36`; null if it uses none. */
  readonly glibc: string | null;
}

/** Libraries of every desktop system; the last is the loader of Vulkan, which the packages depend on. */
const SYSTEM_LIBRARIES =
  /^(?:ld-linux-(?:x86-64|aarch64)\.so\.[12]|lib(?:c|m|dl|rt|pthread)\.so\.[0-6]|libgcc_s\.so\.1|libstdc\+\+\.so\.6|libvulkan\.so\.1)$/;
const ELF_MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
const OBJDUMP_OUTPUT_MAX = 1 << 27;

const run = promisify(execFile);

/** Reads those of the files that are ELF. Rejects if `objdump` is missing. */
export async function readNativeFiles(paths: readonly string[]): Promise<NativeFile[]> {
  const found: NativeFile[] = [];
  const queue = paths.filter(isElf).values();
  const work = async () => {
    for (const path of queue) found.push(await readNativeFile(path));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return found;
}

export interface OtherPlaces {
  /** Folders that the loader's environment variable names. */
  readonly folders: readonly string[];
  /** Libraries that the driver of a GPU brings. */
  readonly driver: RegExp;
}

/** One sentence per file that needs a library which neither the system, its own folder nor another place has. */
export function unloadable(files: readonly NativeFile[], others: OtherPlaces | null = null): string[] {
  const shipped = new Set(files.map(({ path }) => path));
  return files.flatMap(({ path, needs, searches }) => {
    const isNextToIt = (name: string) =>
      searches.some((folder) => /^\$ORIGIN\/?$/.test(folder)) && shipped.has(join(dirname(path), name));
    const isElsewhere = (name: string) =>
      others !== null &&
      (others.driver.test(name) || others.folders.some((folder) => shipped.has(join(folder, name))));
    const lacks = needs.filter(
      (name) => !SYSTEM_LIBRARIES.test(name) && !isNextToIt(name) && !isElsewhere(name),
    );
    return lacks.length === 0
      ? []
      : [`${basename(path)} can't load: it needs ${lacks.join(', ')} (${path}).`];
  });
}

/** The newest version of glibc that any of the files needs; null if none needs one. */
export function newestGlibc(files: readonly NativeFile[]): string | null {
  return (
    files
      .flatMap(({ glibc }) => glibc ?? [])
      .sort(byVersion)
      .at(-1) ?? null
  );
}

async function readNativeFile(path: string): Promise<NativeFile> {
  const { stdout } = await run('objdump', ['-p', path], { maxBuffer: OBJDUMP_OUTPUT_MAX });
  const valuesOf = (name: string) =>
    [...stdout.matchAll(new RegExp(String.raw`^\s+${name}\s+(\S+)$`, 'gm'))].flatMap(
      ([, value]) => value ?? [],
    );
  const versions = [...stdout.matchAll(/\bGLIBC_(\d+(?:\.\d+)+)\b/g)].flatMap(([, version]) => version ?? []);
  return {
    path,
    needs: valuesOf('NEEDED'),
    searches: [...valuesOf('RUNPATH'), ...valuesOf('RPATH')].flatMap((value) => value.split(':')),
    glibc: versions.sort(byVersion).at(-1) ?? null,
  };
}

function isElf(path: string): boolean {
  const start = Buffer.alloc(ELF_MAGIC.length);
  const file = openSync(path, 'r');
  try {
    readSync(file, start, 0, start.length, 0);
  } finally {
    closeSync(file);
  }
  return start.equals(ELF_MAGIC);
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
