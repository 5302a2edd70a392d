/** The agent's process: runs one command, or starts the agent, says READY, and ends cleanly when told. */
// First of all: it sets flags that must hold before the rest is loaded.
import './agent/memory.ts';

import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { profileSchema } from '../shared/api/state.ts';
import { AppError } from '../shared/errors.ts';
import { readyLine } from '../shared/host.ts';
import { receiveSecret, reportFailure, serveDesktopHost } from './agent/desktop-host.ts';
import { networkName } from './agent/networks.ts';
import type { Agent, AgentConfig } from './agent.ts';
import { isCommand, listCommands, runCommand } from './agent-commands/index.ts';
import { defaultHome } from './core/home/index.ts';

/** After this the process ends whatever hangs: a clean stop promises five seconds. */
const STOP_MS_MAX = 4500;

export const USAGE = `Usage: npm start -- --headless [options]
  --home DIR              keep everything in this folder (default: the user's data folder)
  --port N                port of the pages on loopback (default: any free port)
  --gateway-port N        port of the gateway on loopback (default: any free port)
  --profile NAME          practice (default), office or open
  --passphrase-file FILE  pass phrase of the wallet, for office and open
  --network NAME          open: base-sepolia (default) or base, also by their CAIP-2 ids
  --rpc URL[,URL...]      JSON-RPC endpoints of the chain (default: the network's); of several, two must agree
  --facilitator URL       x402 facilitator that claims for us; may be repeated (default: the network's)
  --connect ADDRESS       multiaddr of a peer to connect to; may be repeated
  --quiet-requester       practice: start the requester, but let it ask nothing`;

function readConfig(argv: readonly string[]): AgentConfig {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      headless: { type: 'boolean', default: false },
      host: { type: 'string', default: 'headless' },
      home: { type: 'string' },
      port: { type: 'string', default: '0' },
      'gateway-port': { type: 'string', default: '0' },
      profile: { type: 'string', default: 'practice' },
      role: { type: 'string', default: 'owner' },
      'passphrase-file': { type: 'string' },
      rpc: { type: 'string' },
      network: { type: 'string' },
      facilitator: { type: 'string', multiple: true },
      connect: { type: 'string', multiple: true, default: [] },
      'quiet-requester': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(`${USAGE}\n\nCommands (npm run agent -- COMMAND):\n${listCommands()}`);
    process.exit(0);
  }
  return {
    home:
      values.home ??
      defaultHome({ platform: process.platform, environment: process.env, userFolder: homedir() }),
    profile: oneOf('profile', values.profile, profileSchema.options),
    host: oneOf('host', values.host, ['headless', 'desktop'] as const),
    role: oneOf('role', values.role, ['owner', 'practice-requester'] as const),
    pagePort: port('port', values.port),
    gatewayPort: port('gateway-port', values['gateway-port']),
    passphraseFile: values['passphrase-file'] ?? null,
    passphrase: null,
    rpcUrl: values.rpc ?? null,
    network: values.network === undefined ? null : networkName(values.network),
    ...(values.facilitator && { facilitators: values.facilitator }),
    connect: values.connect,
    quietRequester: values['quiet-requester'],
    entry: fileURLToPath(import.meta.url),
  };
}

function oneOf<const Choice extends string>(name: string, value: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) {
    throw new AppError('bad-request', `--${name} is one of ${choices.join(', ')}, not "${value}".`);
  }
  return found;
}

function port(name: string, value: string): number {
  const number = Number(value);
  if (!/^\d{1,5}$/.test(value) || number > 65_535) {
    throw new AppError('bad-request', `--${name} is a port from 0 to 65535, not "${value}".`);
  }
  return number;
}

function fail(error: unknown): void {
  const isUsage = error instanceof TypeError && 'code' in error;
  const message = error instanceof AppError || isUsage ? error.message : null;
  if (message === null) {
    // Whoever started us may try again: a bug's circumstances may be gone.
    console.error('idlewatt: stopped by a bug:', error);
    process.exit(1);
  }
  console.error(`idlewatt: ${message}${isUsage ? `\n\n${USAGE}` : ''}`);
  void reportFailure(message, error instanceof AppError ? error.code : null).finally(() => process.exit(1));
}

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (isCommand(argv)) {
    process.exitCode = await runCommand(argv);
    return;
  }
  const config = readConfig(argv);
  // Loaded late: a command needs little of it and should answer at once.
  const { createAgent } = await import('./agent.ts');
  let agent: Agent | null = null;
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), STOP_MS_MAX).unref();
    await agent?.stop();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop().catch(fail));
  // An agent without its parent (a shell that crashed, a terminal that closed) has nobody to answer to.
  process.on('disconnect', () => void stop().catch(fail));

  const passphrase = config.host === 'desktop' ? await receiveSecret() : null;
  agent = await createAgent({ ...config, passphrase }, { quit: () => void stop().catch(fail) });
  if (stopping) return void (await agent.stop());
  if (config.host === 'desktop') {
    const { ready, attach } = agent;
    serveDesktopHost({ ready, attach, stop: () => void stop().catch(fail) });
  }
  console.log(readyLine(agent.ready));
}

main().catch(fail);
