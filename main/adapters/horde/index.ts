/** Public interface of the adapter for the AI Horde. */
export { createHordeServer, type HordeServerOptions } from './server.ts';
