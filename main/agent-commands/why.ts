/** `why`: prints the one reason why Idlewatt isn't earning now, and the setting that would change it. */
import { parseArgs } from 'node:util';
import type { AgentState } from '../../shared/api/state.ts';
import { type Asset, formatUnits } from '../../shared/money.ts';
import { type Remedy, type StatusReason, statusOf } from '../../shared/status.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { readState, withRunningAgent } from './running-agent.ts';

/** Each reason that exists, as the terminal says it. */
const REASONS: Readonly<Record<StatusReason, string>> = {
  'serving-idle': 'It is earning: jobs are being answered until you come back.',
  'serving-always': 'It is earning: jobs are being answered, whether or not you use the machine.',
  'ready-idle': 'It is ready, and nobody is asking right now. The next job starts by itself.',
  'ready-always': 'It is ready, and nobody is asking right now. The next job starts by itself.',
  'engine-loading': 'The model is being loaded into memory.',
  'engine-restarting': 'The engine ended unexpectedly and is coming back.',
  'engine-stopped': 'The engine is about to load the model.',
  'engine-gave-up': 'The engine ended too often and was not started again.',
  'paused-until-time': 'You paused it until {time}.',
  'paused-until-resume': 'You paused it until you resume.',
  'owner-active': 'You are using this machine. It starts {minutes} minutes after you leave.',
  'on-battery': 'The machine runs on battery.',
  'too-warm': 'It works more slowly: the machine is near the limit of temperature that you set.',
  'too-much-power': 'It works more slowly: the machine takes more watts than you allow.',
  'too-hot': 'The machine is hotter than you allow. It goes on when it has cooled down.',
  'lid-closed': 'The lid is closed and the machine is not known to be plugged in.',
  metered: 'The network is paid by volume.',
  'outside-schedule': 'Your schedule keeps this hour free. It goes on {time}.',
  'outside-off-peak': 'Power is dear at this hour. It goes on {time}.',
  'no-scheduled-hour': 'Your schedule has no hour in which it may run.',
  'no-off-peak-hour': 'You want it to run only in hours of cheap power, and named none.',
  'not-locked': 'You want it to run only while the screen is locked.',
  'remote-session': 'Somebody works on this machine over the network.',
  'controller-in-use': 'A game controller is in use. It starts {minutes} minutes after it is put down.',
  'full-screen': 'A program fills the whole screen: a game, a film or a talk.',
  'display-kept-awake': 'Another program keeps the display awake, as films and talks do.',
  'graphics-in-use': 'Another program uses the graphics card.',
  'processor-in-use': 'Other programs use the processor.',
  'session-unknown': 'It cannot tell whether you are using this machine, so it leaves the machine to you.',
  'no-model': 'There is no model on this machine yet, so there is nothing to serve.',
  starting: 'The agent is getting ready.',
};

/** Sentence for each remedy, matching the buttons on Home. */
const REMEDIES: Readonly<Record<Exclude<Remedy, null>, string>> = {
  'run-on-battery': 'To run on battery too, turn that on in Settings.',
  'run-on-metered': 'To run on networks paid by volume too, turn that on in Settings.',
  'run-unlocked': 'To run without a locked screen, turn that rule off in Settings.',
  'run-any-hour': 'To run at any hour, turn the schedule off in Settings.',
  'run-any-tariff': 'To run at any price of power, turn the cheap hours off in Settings.',
  'ignore-full-screen': 'To run beside full-screen programs, turn that rule off in Settings.',
  'ignore-display-awake': 'To run while the display is kept awake, turn that rule off in Settings.',
  'ignore-other-programs': 'To run beside other programs, turn that rule off in Settings.',
  'run-always': 'To run whether or not you use the machine, choose Always in Settings.',
  'open-models': 'Choose another model on the page Models.',
  'open-settings': 'When it runs is chosen in Settings.',
};

export const run: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { home: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const { work, settings, money } = await withRunningAgent(existingHome(values.home).root, readState);
  const { status, why, remedy } = statusOf(work);
  if (values.json) {
    const { reason, sinceMs, untilMs } = work.presence;
    console.log(JSON.stringify({ status, why, remedy, reason, sinceMs, untilMs, perHour: work.perHour }));
    return 0;
  }
  const { untilMs } = work.presence;
  console.log(
    REASONS[why]
      .replace('{time}', untilMs === null ? 'an unknown time' : new Date(untilMs).toLocaleString())
      .replace('{minutes}', String(settings.idleMinutes)),
  );
  if (work.presence.decision === 'pause' && status !== 'starting') console.log(costText(work, money.asset));
  if (status === 'paused') console.log('To continue, press Resume on Home or in the tray.');
  if (remedy !== null) console.log(REMEDIES[remedy]);
  return 0;
};

/** Returns the cost of an hour of waiting: what an hour of work earned here. */
function costText({ perHour }: AgentState['work'], asset: Asset): string {
  if (perHour === null) return 'The cost of waiting is unknown until Idlewatt has worked for one hour.';
  const unit = asset.practice ? `practice ${asset.symbol}` : asset.symbol;
  return `Waiting costs about ${formatUnits(BigInt(perHour.earned), asset.decimals)} ${unit} per hour: that is what an hour of work earned here.`;
}
