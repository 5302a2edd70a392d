/** Decides for which cards CUDA is offered: those that the pinned build computes on. */
import type { Device } from '../../ports/machine.ts';

const VENDOR = /nvidia|geforce|quadro|tesla|titan/i;
/** Turing (2018) and later, by the names of their products: CUDA 13 has no code for earlier ones. */
const SUPPORTED =
  /\bRTX\b|\bGTX 16\d\d\b|\bMX[45]\d\d\b|\bT(?:4|\d{3,4})\b|\b(?:A|L|H|B|GH|GB)\d{1,3}[A-Z]?\b/i;
/** The first driver with CUDA 13. */
const DRIVER_MIN = 580;

/** True if CUDA can compute on a card. A driver whose version is unknown is taken for new enough. */
export function supportsCuda({ kind, name, driver }: Pick<Device, 'kind' | 'name' | 'driver'>): boolean {
  const version = driver === null ? null : driverVersion(driver);
  return (
    kind === 'gpu' && VENDOR.test(name) && SUPPORTED.test(name) && (version === null || version >= DRIVER_MIN)
  );
}

/** NVIDIA's major version, from its own text (`580.95.05`) or from the one of Windows (`32.0.15.8095`: 580.95). */
function driverVersion(driver: string): number | null {
  const own = /^(\d{3})\.\d/.exec(driver)?.[1];
  if (own !== undefined) return Number(own);
  const [, major, minor] = /^\d+\.\d+\.\d*(\d)\.(\d{4})$/.exec(driver) ?? [];
  return major === undefined || minor === undefined ? null : Number(`${major}${minor.slice(0, 2)}`);
}
