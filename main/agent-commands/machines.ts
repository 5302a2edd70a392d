/** `pair machine`, `pair join` and `machines list|pause|resume|remove|leave`: the private network of the owner's machines. */

import { homedir, hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import {
  MACHINE_ROLES,
  type MachineOrder,
  type MachinesState,
  machineRoleSchema,
  OUTSIDE_DAYS,
  PAIRING_MINUTES,
  plainMachineName,
  type ShownMachine,
} from '../../shared/machines.ts';
import { formatUnits } from '../../shared/money.ts';
import type { SeparateNetwork } from '../../shared/network-choice.ts';
import { readAddress } from '../adapters/ethers/index.ts';
import { createNetwork, verifySigned } from '../adapters/libp2p/index.ts';
import { acquireFileLock } from '../adapters/sqlite/index.ts';
import { joinByCode, refuseWithOthers } from '../agent/joining.ts';
import { type MembershipFile, type MembershipKind, membershipFile } from '../agent/membership-file.ts';
import { defaultHome, openHome } from '../core/home/index.ts';
import { openRoster } from '../core/machines/index.ts';
import { systemClock } from '../ports/clock.ts';
import { stderrLog } from '../ports/log.ts';
import { readNetworkChoice } from '../ports/network-choice.ts';
import { PROGRAM } from '../ports/program.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { askLine, askYes } from './prompt.ts';
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
    const { code } =
      role.data === 'owner'
        ? await api.shell.inviteOwner({})
        : await api.machines.invite({ role: role.data });
    console.log(`Code: ${code}`);
    console.log(
      `On the other machine, run \`${PROGRAM.command} pair join\` and enter it within ${PAIRING_MINUTES} min.`,
    );
    console.log('It works once, in this LAN only.');
    return 0;
  });
};

export const join: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { ...HOME, name: { type: 'string' }, outside: { type: 'boolean', default: false } },
  });
  const root =
    values.home ??
    defaultHome({ platform: process.platform, environment: process.env, userFolder: homedir() });
  const kind = values.outside ? 'outside' : 'office';
  const chosen = folderOf(root, kind);
  const home = openHome({ root, network: chosen, acquireLock: acquireFileLock, pid: process.pid });
  try {
    const { keys } = home.paths;
    const file = membershipFile(keys, kind);
    await refuseIfMember(file, keys);
    // Read without the command line, which other users of this machine can see.
    const code = await askLine('Code (six words): ');
    console.log('Searching for the machine that shows the code…');
    file.write(await joinByCode(keys, { code, name: plainMachineName(values.name ?? hostname()) }));
    const options = chosen === null && kind === 'office' ? ' --profile office' : '';
    console.log(`This machine has joined. Start it with \`${PROGRAM.start}${options}\`.`);
    return 0;
  } finally {
    home.close();
  }
};

/** The network whose data folder joins; null is the folder itself. Each network that was chosen in the app has its own. */
function folderOf(root: string, kind: MembershipKind): SeparateNetwork | null {
  const chosen = readNetworkChoice(root);
  if (kind === 'office') return chosen === 'office' ? 'office' : null;
  if (chosen === 'office') {
    throw new AppError(
      'bad-request',
      'This machine works for your other machines only. Choose another network in Settings, or join without --outside.',
    );
  }
  return chosen === null || chosen === 'practice' ? null : chosen;
}

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

/** Shows the payout address for all machines, or sets it after a question. */
export const payout: CommandRun = async (argv) => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { ...HOME, yes: { type: 'boolean', default: false } },
  });
  const [given] = positionals;
  if (positionals.length > 1) {
    throw new AppError('bad-request', 'This command takes one address, or `own` for each machine’s own.');
  }
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    if (given === undefined) return showPayout(await readOwn(api));
    const address = given === 'own' ? null : readAddress(given);
    const question =
      address === null
        ? 'Each machine pays out to its own address again. Continue?'
        : `All machines that sell to others pay out to ${address} from their next start. Nobody can take back what arrives there. Continue?`;
    if (!values.yes && !(await askYes(question))) {
      console.log('Nothing was changed.');
      return 1;
    }
    await api.shell.setPayoutForAll({ address });
    console.log('Set. Each machine shows it, and uses it from its next start.');
    return 0;
  });
};

function showPayout({ payout: set, machines }: MachinesState): number {
  console.log(set === null ? 'Each machine has its own payout address.' : `For all machines: ${set.address}`);
  for (const { name, report } of machines) {
    if (report?.outside) console.log(`${name}  pays out to ${report.outside.payout}`);
  }
  return 0;
}

/** Makes a machine that sells to others the first of its owner's machines. */
export const found: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: HOME });
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const { restarts } = await api.machines.found({});
    console.log(
      restarts ? 'Idlewatt is starting again.' : 'This takes effect the next time Idlewatt starts.',
    );
    console.log(`Then \`${PROGRAM.command} pair machine\` shows a code with which others join.`);
    return 0;
  });
};

export const remove: CommandRun = async (argv) => {
  const { home, name } = oneName(argv, true);
  return withRunningAgent(home, async (api) => {
    await api.shell.removeMachine({ peer: peerOf(await readMachines(api), name ?? '') });
    console.log('Removed. The other machines refuse it from now on.');
    return 0;
  });
};

/** Leaves the network after a question: this machine's side of {@link remove}. */
export const leave: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { ...HOME, yes: { type: 'boolean', default: false } },
  });
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const { machines } = await readOwn(api);
    const others = machines.filter(({ isSelf }) => !isSelf).length;
    const question = `This machine leaves the network with ${others} other machine${others === 1 ? '' : 's'}. To come back it needs a new code. Continue?`;
    if (!values.yes && !(await askYes(question))) {
      console.log('Nothing was changed.');
      return 1;
    }
    const { restarts } = await api.shell.leaveMachines({});
    console.log('This machine has left. Its key of the network is removed, its ledger stays.');
    console.log(restarts ? 'Idlewatt is starting again.' : 'Restart Idlewatt to use it on its own.');
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
  return (await readOwn(api)).machines;
}

async function readOwn(api: AgentApi): Promise<MachinesState> {
  const { machines } = await readState(api);
  if (machines === null) {
    throw new AppError(
      'unsupported',
      'This machine is in no private network. Choose "Your own machines" as its network in Settings, or start it with --profile office.',
    );
  }
  return machines;
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
  const outside = report?.outside ?? null;
  const earned =
    outside === null
      ? ''
      : `, earned outside in ${OUTSIDE_DAYS} days: ${formatUnits(BigInt(outside.earned), outside.asset.decimals)} ${outside.asset.practice ? 'practice ' : ''}${outside.asset.symbol}`;
  return `${name}${isSelf ? ' (this machine)' : ''}  ${role}, ${state}, ${tokens}${earned}  ${peer}`;
}
