/** The program that runs the agent, and the file that it runs. */
import { join } from 'node:path';
import { MEMORY_ENVIRONMENT } from '../ports/process-flags.ts';

/**
 * The agent's program in either host, as `npm run build` and `npm start` bundle it: Electron's Node doesn't strip types,
 * and the bundle starts in a quarter of the time and with less memory than the source.
 */
export const AGENT_ENTRY = 'dist/agent/main/agent-main.js';

/** The agent's JavaScript needs this Node or a later one. */
const NODE_MAJOR_MIN = 22;

/** True if the agent can run in this process's own Node; otherwise the pinned Node runs it. */
export function runsInOwnNode(): boolean {
  return Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN;
}

/** The Node of package.json. */
export function pinnedNode(appFolder: string): string {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  return join(unpacked(appFolder), 'node_modules/node/bin', name);
}

/** Electron's own variables, which would change how plain Node behaves. */
const NOT_INHERITED = ['ELECTRON_RUN_AS_NODE', 'NODE_OPTIONS', 'ELECTRON_NO_ATTACH_CONSOLE'];

/** The environment of an agent in plain Node. */
export function agentEnvironment(): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.includes(name));
  return { ...MEMORY_ENVIRONMENT, ...Object.fromEntries(inherited) };
}

/** Path of {@link AGENT_ENTRY}. */
export function agentEntry(appFolder: string): string {
  return join(unpacked(appFolder), AGENT_ENTRY);
}

/** In an installed app the agent is outside of the archive, because it starts processes and loads native libraries. */
function unpacked(path: string): string {
  return path.replace(/app\.asar(?=[\\/]|$)/, 'app.asar.unpacked');
}
