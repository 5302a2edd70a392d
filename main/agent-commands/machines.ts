/** `pair machine`, `pair join` and `machines list|pause|resume|remove`: the private network of the owner's machines. */

import { homedir, hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import {
  MACHINE_ROLES,
  type MachineOrder,
  machineRoleSchema,
  PAIRING_MINUTES,
  plainMachineName,
  type ShownMachine,
} from '../../shared/machines.ts';
import { createNetwork, verifySigned } from '../adapters/libp2p/index.ts';
import { acquireFileLock } from '../adapters/sqlite/index.ts';
import { joinByCode, refuseWithOthers } from '../agent/joining.ts';
import { type MembershipFile, membershipFile } from '../agent/membership-file.ts';
import { defaultHome, openHome } from '../core/home/index.ts';
import { openRoster } from '../core/machines/index.ts';
import { systemClock } from '../ports/clock.ts';
import { stderrLog } from '../ports/log.ts';
import { readNetworkChoice } from '../ports/network-choice.ts';
import { PROGRAM } from '../ports/program.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { askLine } from './prompt.ts';
import { type AgentApi, readState, withRunningAgent } from './running-agent.ts';

const HOME = { home: { type: 'string' } } as const;

export const invite: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { ...HOME, role: { type: 'string', default: 'use' } },
  });
  const role = machineRoleSchema.safeParse(values.role);
  if (!role.success) {
    throw new AppError('bad-request', `Invalid --role "${values.role}". Use ${MACHINE_ROLES.join(', ')}.`);
  }
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const { code } = await api.machines.invite({ role: role.data });
    console.log(`Code: ${code}`);
    console.log(
      `On the other machine, run \`${PROGRAM.command} pair join\` and enter it within ${PAIRING_MINUTES} min.`,
    );
    console.log('It works once, in this LAN only.');
    return 0;
  });
};

export const join: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: { ...HOME, name: { type: 'string' } } });
  const root =
    values.home ??
    defaultHome({ platform: process.platform, environment: process.env, userFolder: homedir() });
  // The office has a data folder of its own if it was chosen in the app.
  const chosen = readNetworkChoice(root) === 'office' ? 'office' : null;
  const home = openHome({ root, network: chosen, acquireLock: acquireFileLock, pid: process.pid });
  try {
    const { keys } = home.paths;
    const file = membershipFile(keys);
    await refuseIfMember(file, keys);
    // Read without the command line, which other users of this machine can see.
    const code = await askLine('Code (six words): ');
    console.log('Searching for the machine that shows the code…');
    file.write(await joinByCode(keys, { code, name: plainMachineName(values.name ?? hostname()) }));
    const options = chosen === null ? ' --profile office' : '';
    console.log(`This machine has joined. Start it with \`${PROGRAM.start}${options}\`.`);
    return 0;
  } finally {
    home.close();
  }
};

/** A machine that is alone in a network of its own may leave it. */
async function refuseIfMember(file: MembershipFile, keysFolder: string): Promise<void> {
  const record = file.read();
  if (record === null) return;
  const { key } = await createNetwork({ folder: keysFolder, mdns: false, clock: systemClock });
  const roster = await openRoster({
    ...{ record, store: file, key, verifySigned, clock: systemClock, log: stderrLog },
  });
  const others = roster.machines().filter(({ peer }) => peer !== key.peer).length;
  if (roster.roleOf(key.peer) !== null) refuseWithOthers(others);
}

export const list: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { ...HOME, json: { type: 'boolean', default: false } },
  });
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const machines = await readMachines(api);
    if (values.json) console.log(JSON.stringify(machines));
    else for (const machine of machines) console.log(lineOf(machine));
    return 0;
  });
};

export const pause: CommandRun = (argv) => order(argv, 'pause');
export const resume: CommandRun = (argv) => order(argv, 'resume');

async function order(argv: readonly string[], what: MachineOrder): Promise<number> {
  const { home, name } = oneName(argv, false);
  return withRunningAgent(home, async (api) => {
    const peer = name === null ? null : peerOf(await readMachines(api), name);
    const { failed } = await api.machines.order({ peer, order: what });
    for (const machine of failed) console.error(`${machine} did not take the order.`);
    return failed.length === 0 ? 0 : 1;
  });
}

export const remove: CommandRun = async (argv) => {
  const { home, name } = oneName(argv, true);
  return withRunningAgent(home, async (api) => {
    await api.machines.remove({ peer: peerOf(await readMachines(api), name ?? '') });
    console.log('Removed. The other machines refuse it from now on.');
    return 0;
  });
};

function oneName(
  argv: readonly string[],
  isNeeded: boolean,
): { readonly home: string; readonly name: string | null } {
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: HOME });
  if (positionals.length > 1 || (isNeeded && positionals.length === 0)) {
    throw new AppError(
      'bad-request',
      'This command takes the name or ID of one machine, as `machines list` shows it.',
    );
  }
  return { home: existingHome(values.home).root, name: positionals[0] ?? null };
}

async function readMachines(api: AgentApi): Promise<readonly ShownMachine[]> {
  const { machines } = await readState(api);
  if (machines === null) {
    throw new AppError(
      'unsupported',
      'This machine is in no private network. Choose "Your own machines" as its network in Settings, or start it with --profile office.',
    );
  }
  return machines.machines;
}

/** Fails with `bad-request` if the name is unknown or several machines have it. */
function peerOf(machines: readonly ShownMachine[], name: string): string {
  const found = machines.filter((machine) => machine.peer === name || machine.name === name);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first.peer;
  const reason = found.length === 0 ? 'No machine has' : 'Several machines have';
  throw new AppError('bad-request', `${reason} the name or ID "${name}". See \`machines list\`.`);
}

function lineOf({ peer, name, role, isSelf, isConnected, report }: ShownMachine): string {
  const state =
    isConnected && report !== null
      ? `${report.presence.decision} (${report.presence.reason})`
      : 'not connected';
  const tokens = report === null ? 'unknown' : `${report.served.outputTokens} tokens today`;
  return `${name}${isSelf ? ' (this machine)' : ''}  ${role}, ${state}, ${tokens}  ${peer}`;
}
