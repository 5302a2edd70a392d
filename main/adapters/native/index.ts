/** Public interface of the native adapter: sensors for what Node and Electron don't provide. */
export { type ControllerSensorOptions, createControllerSensor } from './controllers.ts';
export { preventDumps } from './dumps.ts';
export { createInputSensor, type InputSensorOptions } from './input.ts';
export { createNvmlSensor, type NvmlSensorOptions, readNamedCards } from './nvml.ts';
