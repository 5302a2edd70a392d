/** Starts the sensors that report the owner, the machine and other programs. */
import { busAddresses, createDesktopBusSensor } from '../adapters/dbus/index.ts';
import { createHardwareSensor } from '../adapters/linux/index.ts';
import { createControllerSensor, createInputSensor, createNvmlSensor } from '../adapters/native/index.ts';
import { createMachineSensor, createOtherLoadSensor } from '../adapters/systeminformation/index.ts';
import { createSensing } from '../core/presence/index.ts';
import type { ServedEngines } from '../core/serving/index.ts';
import type { EngineParts } from './engine.ts';
import type { Foundation } from './foundation.ts';
import { logFault } from './log.ts';
import type { Measuring } from './measuring.ts';
import type { Surroundings } from './surroundings.ts';

export function startSensing(
  { clock, onClose, log }: Surroundings,
  { presence }: Foundation,
  { engines, machine, servers }: EngineParts & { readonly engines: Pick<ServedEngines, 'list'> },
  { benchmark, calibrator }: Measuring,
): void {
  const served = () => engines.list().map(({ engine }) => engine.status());
  const ready = () => [...served(), calibrator.status()].filter((status) => status.state === 'ready');
  // The benchmark runs in a window of the desktop shell, in a process that isn't known here.
  const isProbing = () => benchmark.state().state === 'running';
  // An engine server on this machine is a process of others, whose ID isn't known here.
  const isServerComputing = () =>
    served().some(
      (status) =>
        status.state === 'ready' && status.activeSequences > 0 && servers.isHere(status.loaded.model.id),
    );
  const ownPids = () => ready().flatMap(({ pid }) => pid ?? []);
  const sensors = [
    createMachineSensor(machine),
    createOtherLoadSensor({ mayBeOurs: isServerComputing }),
    createHardwareSensor({
      clock,
      usesGraphics: () => isProbing() || ready().some(({ loaded }) => loaded.backend !== 'cpu'),
    }),
    createInputSensor(),
    createControllerSensor(),
    createNvmlSensor({ ownPids: () => (isProbing() || isServerComputing() ? null : ownPids()) }),
    createDesktopBusSensor({ addresses: busAddresses(), clock }),
  ];
  const fault = logFault(log.child('sensors'), 'A sensor failed');
  // The owner's pause comes before all readings.
  let isPaused = presence.current().reason === 'paused-by-owner';
  const sensing = createSensing({
    ...{ sensors, clock, fault, isAtRest: () => isPaused },
    report: (readings) => presence.report(readings),
  });
  const unsubscribe = presence.onChange(({ reason }) => {
    const wasPaused = isPaused;
    isPaused = reason === 'paused-by-owner';
    if (wasPaused && !isPaused) sensing.poll();
  });
  onClose(() => {
    unsubscribe();
    sensing.stop();
  });
}
