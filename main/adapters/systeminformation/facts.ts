/**
 * Reads systeminformation's answers as claims, not facts: it says 0, -1, '' or 'unknown' where a platform
 * tells nothing, and all of these become null here.
 */
import type { Device } from '../../ports/machine.ts';

const MIB = 1024 * 1024;

/** A finite number above zero, or null. */
export function positive(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null;
}

/** A word that says something, trimmed, or null. */
export function text(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const trimmed = value.replace(/\s+/g, ' ').trim();
  return /^(|-|unknown|default string|to be filled by o\.?e\.?m\.?|n\/a|none)$/i.test(trimmed)
    ? null
    : trimmed;
}

/** A property of whatever it is; undefined when there is none. */
function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Words in order, without those that the earlier ones say already; null without any. */
function joined(...parts: readonly (string | null)[]): string | null {
  let name = '';
  for (const part of parts) {
    if (part === null || name.toLowerCase().includes(part.toLowerCase())) continue;
    name = part.toLowerCase().startsWith(name.toLowerCase()) ? part : `${name} ${part}`;
  }
  return name === '' ? null : name;
}

/** The processor; null when nothing about it is known. */
export function readProcessor(cpu: unknown): Device | null {
  const name = joined(text(field(cpu, 'manufacturer')), text(field(cpu, 'brand')));
  const cores = physicalCores(cpu);
  if (name === null && cores === null) return null;
  return { kind: 'cpu', name: name ?? 'Processor', cores, memoryBytes: null, driver: null };
}

/** Physical cores over all sockets. */
export function physicalCores(cpu: unknown): number | null {
  const cores = positive(field(cpu, 'physicalCores'));
  return cores === null ? null : Math.floor(cores) || null;
}

/** What Windows draws with when it has no driver: a program, not a GPU. */
const NOT_A_GPU = /basic (display|render)/i;

/** The graphics controllers, with their own memory where they have any. */
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
        // Memory that is only a share of the machine's own is not the GPU's.
        memoryBytes:
          memory === null || field(controller, 'vramDynamic') === true ? null : Math.round(memory * MIB),
        driver: text(field(controller, 'driverVersion')),
      },
    ];
  });
}

/** The operating system in one line; null when nothing is known. */
export function readSystem(osInfo: unknown): string | null {
  return joined(text(field(osInfo, 'distro')), text(field(osInfo, 'release')), text(field(osInfo, 'arch')));
}

/** Degrees between frozen and molten; sensors that do not work say 0, -1 or thousands. */
export function readTemperature(cpuTemperature: unknown): number | null {
  const celsius = positive(field(cpuTemperature, 'main')) ?? positive(field(cpuTemperature, 'max'));
  return celsius === null || celsius > 150 ? null : celsius;
}

/** What the graphics drivers say that their cards draw together; null when none says. */
export function readGraphicsWatts(graphics: unknown): number | null {
  const watts = list(field(graphics, 'controllers'))
    .map((controller) => positive(field(controller, 'powerDraw')))
    .filter((value) => value !== null);
  return watts.length === 0 ? null : watts.reduce((sum, value) => sum + value, 0);
}

/** Memory that programs could still take. */
export function readAvailableMemory(mem: unknown): number | null {
  return positive(field(mem, 'available')) ?? positive(field(mem, 'free'));
}
