/** Public interface of the systeminformation adapter: the machine's inventory, live readings and load. */
export { defaultRouter } from './default-router.ts';
export { createMachineReader, type MachineReaderOptions, type MachineSource } from './machine-reader.ts';
export { createMachineSensor } from './machine-sensor.ts';
export { createOtherLoadSensor, type OtherLoadOptions, type ProcessorTimes } from './other-load.ts';
