/** Public interface of the Linux adapter: readings from the files under /sys. */
export { createHardwareSensor, type HardwareSensorOptions } from './hardware-sensor.ts';
