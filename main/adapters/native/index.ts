/** The native adapter's door: sensors of what Node and Electron do not say. */
export { type ControllerSensorOptions, createControllerSensor } from './controllers.ts';
export { createInputSensor, type InputSensorOptions } from './input.ts';
export { createNvmlSensor, type NvmlSensorOptions, readNamedCards } from './nvml.ts';
