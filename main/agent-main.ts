/**
 * The agent's process: runs one command, or starts the agent, prints READY when it is up, and stops on SIGTERM, SIGINT
 * or the end of its parent. Exit codes: 0 stopped as requested, 1 could not start, 2 wrong command line, 70 ended by a bug.
 */
// Must be the first imports: they take effect before the rest is loaded.
import { PROGRAM } from './ports/program.ts';
import './agent/no-debugger.ts';
import './agent/memory.ts';
import './agent/private-files.ts';
import './agent/priority.ts';

import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { helpText, readOptions } from '../shared/command-line.ts';
import { AppError } from '../shared/errors.ts';
import type { AgentReady } from '../shared/host.ts';
import { isNetworkGiven, termsOfChoice } from '../shared/network-choice.ts';
import { BUG_EXIT_CODE, USAGE_EXIT_CODE } from '../shared/options.ts';
import { VERSION } from '../shared/version.ts';
import type { Proxies } from './adapters/http/index.ts';
import { guardProcess } from './adapters/node/index.ts';
import type { AgentConfig } from './agent/config.ts';
import {
  receiveProvider,
  receiveSecret,
  reportFailure,
  reportStep,
  serveDesktopHost,
} from './agent/desktop-host.ts';
import { networkName } from './agent/networks.ts';
import { announceReady } from './agent/ready.ts';
import type { AgentHooks } from './agent.ts';
import { endAtClosedPipe, isCommand, listCommands, runCommand } from './agent-commands/index.ts';
import { defaultHome } from './core/home/index.ts';
import { isOutputKept } from './ports/kept-output.ts';
import { readNetworkChoice } from './ports/network-choice.ts';
import { storageFaultOf } from './ports/storage.ts';

/** The process exits after this long even if something hangs: a clean stop takes at most five seconds. */
const STOP_MS_MAX = 4500;

/** Null when the command line asked for the version or the help, which are printed here. */
function readConfig(argv: readonly string[]): AgentConfig | null {
  const { values, given } = readOptions(argv, 'agent', process.env);
  if (values.version || values.help) endAtClosedPipe();
  if (values.version) {
    console.log(VERSION);
    return null;
  }
  if (values.help) {
    const options = helpText(`${PROGRAM.command} [options]`, ['agent']);
    console.log(`${options}\n\nCommands (${PROGRAM.command} COMMAND):\n${listCommands()}`);
    return null;
  }
  const home =
    values.home ??
    defaultHome({ platform: process.platform, environment: process.env, userFolder: homedir() });
  const named = values.network === null ? null : networkName(values.network);
  const chosenNetwork = isNetworkGiven(given) ? null : readNetworkChoice(home);
  const { profile, network } =
    chosenNetwork === null ? { profile: values.profile, network: named } : termsOfChoice(chosenNetwork);
  return {
    home,
    chosenNetwork,
    profile,
    host: values.host,
    role: values['practice-requester'] ? 'practice-requester' : values.role,
    web: {
      listen: values['web-listen'],
      publicUrl: values['public-url'],
      proxies: values['trusted-proxy'],
      certFile: values['tls-cert'],
      keyFile: values['tls-key'],
      acme: {
        domain: values['acme-domain'],
        isAgreed: values['acme-agree'],
        email: values['acme-email'],
        directory: values['acme-directory'],
      },
    },
    bittensorListen: values['bittensor-listen'],
    pagePort: values.port,
    gatewayPort: values['gateway-port'],
    passphraseFile: values['passphrase-file'],
    readyFile: values['ready-file'],
    passphrase: null,
    rpcUrl: values.rpc,
    network,
    ...(values.facilitator.length > 0 && { facilitators: values.facilitator }),
    connect: values.connect,
    bootstrap: values.bootstrap,
    listen: values.listen,
    announce: values.announce,
    ...(values['public-dht'] && { publicDht: true as const }),
    updatesFrom: values['updates-from'],
    metricsPort: given.some(({ name }) => name === 'metrics-port') ? values['metrics-port'] : null,
    relayPrice: values['relay-price'],
    quietRequester: values['quiet-requester'],
    logLevel: values['log-level'],
    entry: fileURLToPath(import.meta.url),
  };
}

/** The practice requester's parent prints what its child reports, so that the user reads it once. */
function printsFailures(): boolean {
  return !(process.send && process.argv.includes('--practice-requester'));
}

/** Reports the failure to the user and to the process that started this one, then exits. */
function fail(error: unknown): void {
  if (!(error instanceof AppError)) {
    // Not reported as a refusal: the parent may restart the agent, because the circumstances of a bug may be gone.
    console.error('idlewatt: stopped by a bug:', error);
    process.exit(BUG_EXIT_CODE);
  }
  if (printsFailures()) console.error(`idlewatt: ${error.message}`);
  const exitCode = error.code === 'bad-request' ? USAGE_EXIT_CODE : 1;
  void reportFailure(error.message, error.code).finally(() => process.exit(exitCode));
}

/** A provider starts its practice requester before it has an address that it could name. */
function awaitsProvider({ role, connect }: AgentConfig): boolean {
  return role === 'practice-requester' && connect.length === 0 && process.send !== undefined;
}

/** Null without a proxy; then nothing is loaded for it. */
async function openProxies(): Promise<Proxies | null> {
  if (!Object.keys(process.env).some((name) => /^https?_proxy$/i.test(name))) return null;
  const { useProxies } = await import('./adapters/http/index.ts');
  return useProxies(process.env);
}

type StartAgent = (config: AgentConfig, hooks: AgentHooks) => Promise<{ readonly ready: AgentReady }>;

/** Loaded only now because a command needs little of it and starts faster without. */
async function loadAgent({ role }: AgentConfig): Promise<StartAgent> {
  if (role !== 'bootstrap' && role !== 'relay') return (await import('./agent.ts')).createAgent;
  const { openPublicNode } = await import('./agent/public-node.ts');
  return (config, hooks) => openPublicNode(config, role, hooks);
}

async function main(): Promise<void> {
  const proxies = await openProxies();
  const argv = process.argv.slice(2);
  if (isCommand(argv)) {
    endAtClosedPipe();
    process.exitCode = await runCommand(argv);
    return;
  }
  const config = readConfig(argv);
  if (config === null) return;
  const startAgent = await loadAgent(config);
  let stopAgent: ((reason: string) => Promise<void>) | null = null;
  let stopping = false;
  const stop = async (reason: string) => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), STOP_MS_MAX).unref();
    await stopAgent?.(reason);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void stop(`signal ${signal}`).catch(fail));
  }
  // The parent is gone (a shell that crashed, a terminal that closed), and nothing else would stop this process.
  process.on('disconnect', () => void stop('the parent process is gone').catch(fail));

  const provider = awaitsProvider(config) ? await receiveProvider() : null;
  const isDesktop = config.host === 'desktop';
  const passphrase = isDesktop ? await receiveSecret(() => void stop('the desktop shell').catch(fail)) : null;
  const agent = await startAgent(
    { ...config, passphrase, ...(provider && { connect: [provider.connect], rpcUrl: provider.rpcUrl }) },
    {
      quit: () => void stop('the owner quit').catch(fail),
      onStep(step) {
        if (isDesktop) reportStep(step);
      },
      onServing({ ready, attach }) {
        if (isDesktop && !stopping) serveDesktopHost({ ready, attach });
      },
      onOpened(opened) {
        stopAgent = opened.stop;
        if (proxies !== null) {
          opened.log.child('start').info('Outside addresses are reached through a proxy', { ...proxies });
        }
        guardProcess({
          log: opened.log.child('process'),
          close: () => opened.stop('a bug'),
          closeMsMax: STOP_MS_MAX,
          isExpected: (error) => storageFaultOf(error) !== null,
        });
      },
    },
  ).catch((error: unknown) => {
    // A stop during the start closes what the start still uses; the stop exits.
    if (!stopping) throw error;
    return null;
  });
  if (agent === null || stopping) return;
  const removeReadyFile = announceReady(agent.ready, {
    readyFile: config.readyFile ?? null,
    isOutputKept: isOutputKept(),
    print: console.log,
  });
  process.once('exit', removeReadyFile);
}

main().catch(fail);
