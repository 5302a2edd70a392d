/** Asks the owner's other machines for their reports, exchanges the owners' lists with them, and sends orders. */
import { AppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import {
  LISTS_CHARACTERS_MAX,
  listsAnswerSchema,
  type MachineOrder,
  type MachineReport,
  machineAnswerSchema,
  type ShownMachine,
} from '../../../shared/machines.ts';
import { MACHINE_PATH, ROSTER_PATH } from '../../../shared/wire.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Network } from '../../ports/network.ts';
import { readText } from '../../ports/read-text.ts';
import type { MachineRoster } from './roster.ts';

export interface MachineWatchParts {
  readonly network: Pick<Network, 'fetch' | 'key' | 'onPeers' | 'peers'>;
  readonly roster: MachineRoster;
  readonly clock: Clock;
  /** This machine's own report. */
  readonly report: () => MachineReport;
  /** True while somebody looks at the machines. */
  readonly isWatched: () => boolean;
  readonly onChange: () => void;
}

export interface MachineWatch {
  start(): void;
  stop(): void;
  /** This machine first, then in the order of the roster. */
  machines(): readonly ShownMachine[];
  /** Sends the lists and departures to all connected machines, for at most a few seconds. */
  tell(): Promise<void>;
  /** Fails with `peer-unreachable`, and with `not-permitted` if this machine's role isn't `owner` there. */
  order(peer: string, order: MachineOrder): Promise<void>;
}

const WATCHED_MS = 2_000;
/** Turns from one round to the next while nobody watches the machines: a minute. */
const IDLE_TURNS = 30;
const ANSWER_MS_MAX = 5_000;
const ANSWER_CHARACTERS_MAX = LISTS_CHARACTERS_MAX + 4_000;

export function createMachineWatch(parts: MachineWatchParts): MachineWatch {
  const { network, roster, clock, onChange } = parts;
  const reports = new Map<string, Reported>();
  /** Peers whose response is awaited. */
  const asking = new Set<string>();
  const own = network.key.peer;
  let connectedBefore: ReadonlySet<string> = new Set();
  let timer: Timer | null = null;
  let turns = 0;
  const unsubscribes: (() => void)[] = [];

  const connected = () =>
    network.peers().flatMap(({ peer, connected }) => (connected && peer !== own ? [peer] : []));

  const request = limitedRequests(network, clock);

  const exchange = (peer: string) => exchangeLists(request, roster, peer);

  /** Asks one machine. One that doesn't know this one yet gets the lists first. */
  async function ask(peer: string): Promise<void> {
    if (asking.has(peer)) return;
    asking.add(peer);
    try {
      let response = await request(peer, MACHINE_PATH, {});
      if (response.status === 403) {
        await exchange(peer);
        response = await request(peer, MACHINE_PATH, {});
      }
      if (response.status !== 200) return;
      const answer = machineAnswerSchema.parse(parseJson(await response.text()));
      if (answer.lists !== roster.digest()) await exchange(peer);
      if (roster.roleOf(peer) === null) return;
      reports.set(peer, { report: answer.report, atMs: clock.now() });
      onChange();
    } catch {
      // It is shown as not connected, or with its last report.
    } finally {
      asking.delete(peer);
    }
  }

  const askAll = () => void Promise.all(connected().map(ask));

  function peersChanged(): void {
    const now = new Set(connected());
    for (const peer of now) if (!connectedBefore.has(peer)) void ask(peer);
    connectedBefore = now;
    onChange();
  }

  /** Sends the lists to all: a machine that was just added doesn't have them yet. */
  function spread(): void {
    for (const peer of reports.keys()) if (roster.roleOf(peer) === null) reports.delete(peer);
    void tell();
    onChange();
  }

  /** The names of machines that don't answer aren't of interest: they learn it from the others. */
  async function tell(): Promise<void> {
    await Promise.all(connected().map((peer) => exchange(peer).catch(() => undefined)));
  }

  return {
    start() {
      timer ??= clock.every(WATCHED_MS, () => {
        turns += 1;
        if (parts.isWatched() || turns % IDLE_TURNS === 0) askAll();
      });
      unsubscribes.push(network.onPeers(peersChanged), roster.onChange(spread));
      peersChanged();
    },
    stop() {
      timer?.cancel();
      timer = null;
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
    machines: () => shown(parts, reports, new Set(connected())),
    tell,
    async order(peer, order) {
      await sendOrder(request, peer, order);
      void ask(peer);
    },
  };
}

interface Reported {
  readonly report: MachineReport;
  readonly atMs: number;
}

type SendRequest = (peer: string, path: string, init: RequestInit) => Promise<Response>;

/** Limits requests in time, and their responses in size: a longer one is empty. */
function limitedRequests(network: Pick<Network, 'fetch'>, clock: Clock): SendRequest {
  return async (peer, path, init) => {
    const limit = new AbortController();
    const end = clock.after(ANSWER_MS_MAX, () => limit.abort());
    try {
      const response = await network.fetch(peer, path, { ...init, signal: limit.signal });
      const { text, isComplete } = await readText(response, ANSWER_CHARACTERS_MAX);
      return new Response(isComplete ? text : '', { status: response.status });
    } finally {
      end.cancel();
    }
  };
}

/** Sends the lists and departures that this machine has, and takes those that the other one has then. */
async function exchangeLists(
  request: SendRequest,
  roster: Pick<MachineRoster, 'departures' | 'lists' | 'take'>,
  peer: string,
): Promise<void> {
  const body = JSON.stringify({ lists: roster.lists(), departures: roster.departures() });
  const response = await request(peer, ROSTER_PATH, { method: 'POST', body });
  const { lists, departures } = listsAnswerSchema.parse(parseJson(await response.text()));
  if (lists !== null) await roster.take(lists, departures);
}

async function sendOrder(request: SendRequest, peer: string, order: MachineOrder): Promise<void> {
  const { status } = await request(peer, MACHINE_PATH, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ order }),
  });
  if (status === 403) throw new AppError('not-permitted', 'That machine takes orders only from owners.');
  if (status !== 200) throw new AppError('peer-unreachable', `The machine answered with status ${status}.`);
}

function shown(
  { network, roster, clock, report }: MachineWatchParts,
  reports: ReadonlyMap<string, Reported>,
  connected: ReadonlySet<string>,
): readonly ShownMachine[] {
  const machines = roster.machines().map((machine): ShownMachine => {
    const isSelf = machine.peer === network.key.peer;
    const known = isSelf ? { report: report(), atMs: clock.now() } : reports.get(machine.peer);
    return {
      ...machine,
      isSelf,
      isRemovable: roster.mayRemove(machine.peer),
      isConnected: isSelf || connected.has(machine.peer),
      report: known?.report ?? null,
      reportedAtMs: known?.atMs ?? null,
    };
  });
  return [...machines.filter(({ isSelf }) => isSelf), ...machines.filter(({ isSelf }) => !isSelf)];
}
