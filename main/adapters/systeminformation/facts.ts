/**
 * Validates the results of systeminformation. It returns 0, -1, '' or 'unknown' where a platform provides nothing; all
 * of these become null here.
 */
import type { Device } from '../../ports/machine.ts';

const MIB = 1024 * 1024;

/** Returns a finite number above zero, or null. */
export function positive(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null;
}

/** Returns trimmed text that isn't a placeholder, or null. */
export function text(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const trimmed = value.replace(/\s+/g, ' ').trim();
  return /^(|-|unknown|default string|to be filled by o\.?e\.?m\.?|n\/a|none)$/i.test(trimmed)
    ? null
    : trimmed;
}

/** Returns a property of any value; undefined if there is none. */
function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Joins texts in order, without those that the earlier ones already contain; null without any. */
function joined(...parts: readonly (string | null)[]): string | null {
  let name = '';
  for (const part of parts) {
    if (part === null || name.toLowerCase().includes(part.toLowerCase())) continue;
    name = part.toLowerCase().startsWith(name.toLowerCase()) ? part : `${name} ${part}`;
  }
  return name === '' ? null : name;
}

/** Returns the CPU; null if nothing about it is known. */
export function readProcessor(cpu: unknown): Device | null {
  const name = joined(text(field(cpu, 'manufacturer')), text(field(cpu, 'brand')));
  const cores = physicalCores(cpu);
  if (name === null && cores === null) return null;
  return { kind: 'cpu', name: name ?? 'Processor', cores, memoryBytes: null, driver: null };
}

/** Returns the number of physical cores over all sockets. */
export function physicalCores(cpu: unknown): number | null {
  const cores = positive(field(cpu, 'physicalCores'));
  return cores === null ? null : Math.floor(cores) || null;
}

/** Software renderer of Windows without a GPU driver. */
const NOT_A_GPU = /basic (display|render)/i;

/** Returns the GPUs, with their own memory if they have any. */
export function readGraphics(graphics: unknown): Device[] {
  return list(field(graphics, 'controllers')).flatMap((controller): Device[] => {
    const name = joined(
      text(field(controller, 'vendor')),
      text(field(controller, 'model')) ?? text(field(controller, 'name')),
    );
    if (name === null || NOT_A_GPU.test(name)) return [];
    const memory = positive(field(controller, 'memoryTotal')) ?? positive(field(controller, 'vram'));
    return [
      {
        kind: 'gpu',
        name,
        cores: null,
        // Memory that is shared with the machine isn't the GPU's own.
        memoryBytes:
          memory === null || field(controller, 'vramDynamic') === true
            ? null
            : positive(Math.round(memory * MIB)),
        driver: text(field(controller, 'driverVersion')),
      },
    ];
  });
}

/** Returns the operating system in one line; null if nothing is known. */
export function readSystem(osInfo: unknown): string | null {
  return joined(text(field(osInfo, 'distro')), text(field(osInfo, 'release')), text(field(osInfo, 'arch')));
}

/** The same from Linux's `os-release` file (`NAME="Debian GNU/Linux"`, `VERSION_ID="12"`). */
export function readOsRelease(file: string, arch: string): string | null {
  const value = (key: string) => text(new RegExp(`^${key}=(["']?)(.*)\\1$`, 'm').exec(file)?.[2]);
  const name = value('NAME');
  return name === null ? null : joined(name, value('VERSION_ID'), arch);
}

/** Returns a plausible temperature (up to 150 °C); broken sensors report 0, -1 or thousands of degrees. */
export function readTemperature(cpuTemperature: unknown): number | null {
  const celsius = positive(field(cpuTemperature, 'main')) ?? positive(field(cpuTemperature, 'max'));
  return celsius === null || celsius > 150 ? null : celsius;
}

/** Returns the total power draw that the GPU drivers report; null if none reports any. */
export function readGraphicsWatts(graphics: unknown): number | null {
  const watts = list(field(graphics, 'controllers'))
    .map((controller) => positive(field(controller, 'powerDraw')))
    .filter((value) => value !== null);
  return positive(watts.reduce((sum, value) => sum + value, 0));
}

/** Returns the memory that programs can still allocate. */
export function readAvailableMemory(mem: unknown): number | null {
  return positive(field(mem, 'available')) ?? positive(field(mem, 'free'));
}
