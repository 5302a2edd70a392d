/** The owner's engine servers: found on this machine, added and removed, with their models as far as they are known. */
import { randomBytes } from 'node:crypto';
import {
  ENGINE_SERVERS_MAX,
  type EngineServer,
  type EngineServerState,
  type FoundEngineServer,
  USUAL_ENGINE_PORTS,
} from '../../../shared/engine-servers.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { isLoopbackAddress } from '../../../shared/local-address.ts';
import type { Settings, SettingsPatch } from '../../../shared/settings.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ModelFile } from '../../ports/engine.ts';
import type {
  ConnectEngineServer,
  EngineServerKeys,
  EngineServerTarget,
  FindAddresses,
} from '../../ports/engine-server.ts';
import type { Log } from '../../ports/log.ts';
import { findEngineAddress, normalizeEngineUrl } from './address.ts';
import { identify, type ServerIdentity } from './identify.ts';
import { engineModelHash, engineModelId } from './model-id.ts';
import type { ServedModel } from './server-process.ts';
import type { Trial } from './trial.ts';

export interface EngineServersOptions {
  readonly settings: { get(): Settings; change(patch: SettingsPatch): Settings };
  readonly keys: EngineServerKeys;
  readonly connect: ConnectEngineServer;
  readonly findAddresses: FindAddresses;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: the usual ones. */
  readonly ports?: readonly number[];
  readonly onChange: () => void;
}

/** A server as pages show it, apart from what the engine and the benchmark add. */
export type KnownServer = Omit<EngineServerState, 'models'> & {
  readonly models: readonly Omit<EngineServerState['models'][number], 'active' | 'decodeTokensPerSecond'>[];
};

export interface EngineServers {
  list(): readonly KnownServer[];
  /**
   * Asks the usual ports of this machine, and no other machine, for servers that aren't added yet; and each added server
   * for its models. Concurrent calls share one search.
   */
  search(): Promise<readonly FoundEngineServer[]>;
  /**
   * Adds the server once it has answered; returns its ID. Fails with `bad-request`, `not-permitted` for a missing or wrong
   * key, or `unsupported`.
   */
  add(server: { readonly url: string; readonly key: string | null }): Promise<string>;
  /** Removes the server and its key. Fails with `not-found`. */
  remove(id: string): void;
  /** Stores that the owner wants to serve this model; returns its ID in offers. Fails with `not-found`. */
  choose(id: string, name: string): string;
  /** Returns the chosen model in the form of a file. Fails with `not-found`. */
  fileOf(modelId: string): ModelFile;
  /** Returns null unless the owner chose the model. */
  find(modelId: string): ServedModel | null;
  /** True if the model is computed on this machine. */
  isHere(modelId: string): boolean;
  /** Ports of this machine that are Idlewatt's own: they can't be added. */
  setOwnPorts(ports: readonly number[]): void;
}

interface Seen {
  readonly state: EngineServerState['state'];
  /** The last one that the server showed. */
  readonly identity: ServerIdentity | null;
}

const UNSEEN: Seen = { state: 'unknown', identity: null };
const NEVER = new AbortController().signal;

export function createEngineServers(options: EngineServersOptions): EngineServers {
  const registry = new Registry(options);
  let searching: Promise<readonly FoundEngineServer[]> | null = null;
  return {
    list: () => registry.servers().map((server) => registry.known(server)),
    search() {
      searching ??= registry.search().finally(() => {
        searching = null;
      });
      return searching;
    },
    add: (server) => registry.add(server),
    remove: (id) => registry.remove(id),
    choose: (id, name) => registry.choose(id, name),
    fileOf: (modelId) => registry.fileOf(modelId),
    find: (modelId) => registry.find(modelId),
    isHere: (modelId) => isLoopbackAddress(registry.chosen(modelId)?.server.address ?? ''),
    setOwnPorts: (ports) => registry.setOwnPorts(ports),
  };
}

class Registry {
  readonly #options: EngineServersOptions;
  readonly #seen = new Map<string, Seen>();
  /** By model ID. */
  readonly #trials = new Map<string, Trial>();
  readonly #problems = new Map<string, string>();
  #ownPorts: readonly number[] = [];

  constructor(options: EngineServersOptions) {
    this.#options = options;
  }

  servers(): readonly EngineServer[] {
    return this.#options.settings.get().engineServers;
  }

  setOwnPorts(ports: readonly number[]): void {
    this.#ownPorts = ports;
  }

  known(server: EngineServer): KnownServer {
    const { id, kind, url, address } = server;
    const { state, identity } = this.#seen.get(id) ?? UNSEEN;
    const listed =
      identity?.models ?? server.models.map((name) => ({ name, contextTokens: null, quantisation: null }));
    return {
      ...{ id, kind, url, address, state },
      hasKey: this.#options.keys.get(id) !== null,
      isHere: isLoopbackAddress(address),
      canUnload: kind === 'ollama',
      version: identity?.version ?? null,
      models: listed.map(({ name, contextTokens, quantisation }) => {
        const modelId = engineModelId(id, name);
        const features = this.#trials.get(modelId)?.features;
        return {
          ...{ id: modelId, name, contextTokens, quantisation },
          features: features ? [...features] : null,
          problem: this.#problems.get(modelId) ?? null,
        };
      }),
    };
  }

  async search(): Promise<readonly FoundEngineServer[]> {
    const { ports = USUAL_ENGINE_PORTS, log, onChange } = this.#options;
    const added = this.servers();
    const isKnown = (port: number) =>
      this.#ownPorts.includes(port) ||
      added.some(({ url, address }) => isLoopbackAddress(address) && portOf(url) === port);
    const [found] = await Promise.all([
      Promise.all(ports.filter((port) => !isKnown(port)).map((port) => this.#look(port))),
      Promise.all(added.map((server) => this.#refresh(server))),
    ]);
    const answering = found.filter((each) => each !== null);
    if (answering.length > 0)
      log.debug('Engine servers found', { urls: answering.map(({ url }) => url).join(', ') });
    onChange();
    return answering;
  }

  async add({ url: typed, key }: { readonly url: string; readonly key: string | null }): Promise<string> {
    const { settings, keys, findAddresses, log, onChange } = this.#options;
    const url = normalizeEngineUrl(typed);
    const address = await findEngineAddress(url, findAddresses);
    if (isLoopbackAddress(address) && this.#ownPorts.includes(portOf(url))) {
      throw new AppError('bad-request', 'This address is Idlewatt’s own. Nothing was changed.');
    }
    const identity = await this.#identify({ url, address, key }).catch((error: unknown) => {
      if (isAppError(error)) throw error;
      throw new AppError('peer-unreachable', 'No engine answers at this address. Nothing was changed.');
    });
    const added = this.servers();
    if (added.some((server) => server.url === url)) {
      throw new AppError('bad-request', 'This engine is added already. Nothing was changed.');
    }
    if (added.length >= ENGINE_SERVERS_MAX) {
      throw new AppError(
        'bad-request',
        `At most ${ENGINE_SERVERS_MAX} engines can be added. Remove one first.`,
      );
    }
    const { kind } = identity;
    const id = freeId(kind === 'other' ? 'engine' : kind, added);
    keys.set(id, key);
    const nonce = randomBytes(16).toString('hex');
    settings.change({ engineServers: [...added, { id, kind, url, address, nonce, models: [] }] });
    this.#seen.set(id, { state: 'reachable', identity });
    log.info('An engine server was added', { id, url, address, version: identity.version });
    onChange();
    return id;
  }

  remove(id: string): void {
    const { settings, keys, log, onChange } = this.#options;
    this.#server(id);
    settings.change({ engineServers: this.servers().filter((server) => server.id !== id) });
    keys.set(id, null);
    this.#seen.delete(id);
    log.info('An engine server was removed', { id });
    onChange();
  }

  choose(id: string, name: string): string {
    const server = this.#server(id);
    const isListed = this.#seen.get(id)?.identity?.models.some((model) => model.name === name);
    if (!isListed && !server.models.includes(name)) {
      throw new AppError('not-found', 'This engine doesn’t list that model. Search again.');
    }
    const models = [...new Set([...server.models, name])];
    const change = (each: EngineServer) => (each.id === id ? { ...each, models } : each);
    this.#options.settings.change({ engineServers: this.servers().map(change) });
    return engineModelId(id, name);
  }

  fileOf(modelId: string): ModelFile {
    const chosen = this.chosen(modelId);
    if (chosen === null) {
      throw new AppError('not-found', 'The engine of this model was removed. Choose another model.');
    }
    return { id: modelId, path: modelId, sha256: engineModelHash(chosen.server, chosen.name) };
  }

  find(modelId: string): ServedModel | null {
    const chosen = this.chosen(modelId);
    if (chosen === null) return null;
    const { server, name } = chosen;
    return {
      id: modelId,
      name,
      connect: () => this.#options.connect(this.#target(server)),
      onTried: (trial) => {
        this.#trials.set(modelId, trial);
        this.#problems.delete(modelId);
        this.#options.onChange();
      },
      onProblem: (problem) => {
        this.#problems.set(modelId, problem);
        this.#options.onChange();
      },
    };
  }

  chosen(modelId: string): { readonly server: EngineServer; readonly name: string } | null {
    for (const server of this.servers()) {
      const name = server.models.find((each) => engineModelId(server.id, each) === modelId);
      if (name !== undefined) return { server, name };
    }
    return null;
  }

  #server(id: string): EngineServer {
    const server = this.servers().find((each) => each.id === id);
    if (server === undefined) throw new AppError('not-found', 'This engine was removed already.');
    return server;
  }

  #target({ id, url, address }: EngineServer): EngineServerTarget {
    return { url, address, key: this.#options.keys.get(id) };
  }

  async #identify(target: EngineServerTarget): Promise<ServerIdentity> {
    const connection = this.#options.connect(target);
    try {
      return await identify({ connection, clock: this.#options.clock, signal: NEVER });
    } finally {
      connection.close();
    }
  }

  async #refresh(server: EngineServer): Promise<void> {
    const before = this.#seen.get(server.id) ?? UNSEEN;
    try {
      this.#seen.set(server.id, { state: 'reachable', identity: await this.#identify(this.#target(server)) });
    } catch (error) {
      const state = isAppError(error, 'not-permitted') ? 'refused' : 'unreachable';
      this.#seen.set(server.id, { ...before, state });
    }
  }

  async #look(port: number): Promise<FoundEngineServer | null> {
    const url = `http://127.0.0.1:${port}`;
    try {
      const { kind, version, models } = await this.#identify({ url, address: '127.0.0.1', key: null });
      return { url, kind, version, models: models.length, needsKey: false };
    } catch (error) {
      if (!isAppError(error, 'not-permitted')) return null;
      return { url, kind: 'other', version: null, models: 0, needsKey: true };
    }
  }
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

function freeId(base: string, added: readonly EngineServer[]): string {
  for (let number = 1; ; number += 1) {
    const id = number === 1 ? base : `${base}-${number}`;
    if (!added.some((server) => server.id === id)) return id;
  }
}
