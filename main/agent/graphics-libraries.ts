/** Opens the download of libraries for GPUs that the packages don't contain. */
import { join } from 'node:path';
import type { FetchedLibraries } from '../../shared/api/state.ts';
import { isPrivateOnTheWay } from '../../shared/loopback.ts';
import { withPurpose } from '../adapters/node/index.ts';
import {
  archiveKey,
  createGraphicsLibraries,
  type GraphicsLibraries,
  PINNED_CUDA,
  supportsCuda,
} from '../core/graphics-libraries/index.ts';
import { openPartFile } from '../core/models/index.ts';
import { freeBytesOf } from '../core/updates/index.ts';
import type { UnpackTar } from '../ports/archive.ts';
import { homePaths } from '../ports/data-folder.ts';
import type { MachineReader } from '../ports/machine.ts';
import { latest } from './latest.ts';
import { logFault } from './log.ts';
import { readOwnPackage } from './own-package.ts';
import type { Surroundings } from './surroundings.ts';

/** Its library is loaded when there is something to unpack. */
const unpackTar: UnpackTar = async (...archive) =>
  (await import('../adapters/tar/index.ts')).unpackTar(...archive);

const fetchArchive: typeof fetch = (input, init) => withPurpose('libraries', () => fetch(input, init));

export interface OpenGraphicsLibraries extends GraphicsLibraries {
  /** Null where no card can use them, unless they are here. */
  shown(): FetchedLibraries | null;
}

export function openGraphicsLibraries(
  { config, clock, log, changed, onClose }: Surroundings,
  {
    machine,
    onReplaced,
  }: { readonly machine: Pick<MachineReader, 'inventory'>; readonly onReplaced: () => void },
): OpenGraphicsLibraries {
  const own = log.child('libraries');
  const addresses = archiveAddresses();
  const isSupported = latest<boolean>();
  machine.inventory().then(
    ({ devices }) => {
      isSupported.set(devices.some(supportsCuda));
      changed('machine');
    },
    logFault(own, 'The GPUs could not be read'),
  );
  const libraries = createGraphicsLibraries({
    // Shared by the networks of one owner.
    folder: join(homePaths(config.home).root, 'gpu-libraries'),
    archives: PINNED_CUDA[`${process.platform}-${process.arch}`] ?? [],
    addressOf: (archive) => addresses.get(archiveKey(archive)) ?? null,
    ...{ clock, log: own, fetch: fetchArchive, openPart: openPartFile, freeBytes: freeBytesOf, unpackTar },
    onChange: () => changed('machine'),
    onReplaced,
  });
  onClose(() => libraries.stop());
  return {
    state: () => libraries.state(),
    folders: () => libraries.folders(),
    fetch: () => libraries.fetch(),
    cancel: () => libraries.cancel(),
    remove: () => libraries.remove(),
    stop: () => libraries.stop(),
    shown() {
      const state = libraries.state();
      return isSupported.get() === true || state?.state === 'ready' ? state : null;
    },
  };
}

/** None where the file names none, as in a checkout, or only such as somebody in between could change. */
function archiveAddresses(): ReadonlyMap<string, string> {
  const { archives } = readOwnPackage();
  return new Map(
    Object.entries(archives).filter(
      ([, address]) => URL.canParse(address) && isPrivateOnTheWay(new URL(address)),
    ),
  );
}
