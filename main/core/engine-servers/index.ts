/** Public interface of the engine servers module: finds them, keeps the owner's list, and drives them as engines. */
export { chooseEngine, createServerEngine } from './server-engine.ts';
export { createEngineServers, type EngineServers, type KnownServer } from './servers.ts';
