/** Public interface of the D-Bus adapter: readings from the services of a Linux desktop. */
export { type BusAddresses, busAddresses } from './bus-addresses.ts';
export { createDesktopBusSensor } from './desktop-bus-sensor.ts';
