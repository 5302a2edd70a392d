/** `why`: why nothing is earned now, in one sentence, and the one thing that would change it. */
import { parseArgs } from 'node:util';
import type { AgentState } from '../../shared/api/state.ts';
import { AppError } from '../../shared/errors.ts';
import { type Remedy, sentenceFor, type Why } from '../../shared/sentence.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { type AgentApi, withRunningAgent } from './running-agent.ts';

/** Each reason that exists, as the terminal says it. */
const REASONS: Readonly<Record<Why, string>> = {
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
  'session-unknown': 'It cannot tell whether you are using this machine, so it leaves the machine to you.',
  'no-model': 'There is no model on this machine yet, so there is nothing to serve.',
  starting: 'The agent is getting ready.',
};

/** What mends it, as the button on Home does. */
const REMEDIES: Readonly<Record<Exclude<Remedy, null>, string>> = {
  'run-on-battery': 'To run on battery too, turn that on in Settings.',
  'run-always': 'To run whether or not you use the machine, choose Always in Settings.',
  'open-models': 'Choose another model on the page Models.',
  'open-settings': 'When it runs is chosen in Settings.',
};

export const run: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { home: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const { work, settings } = await withRunningAgent(existingHome(values.home).root, wholeState);
  const { mood, why, remedy } = sentenceFor(work);
  if (values.json) {
    const { reason, sinceMs, untilMs } = work.presence;
    console.log(JSON.stringify({ mood, why, remedy, reason, sinceMs, untilMs }));
    return 0;
  }
  const { untilMs } = work.presence;
  console.log(
    REASONS[why]
      .replace('{time}', untilMs === null ? 'an unknown time' : new Date(untilMs).toLocaleString())
      .replace('{minutes}', String(settings.idleMinutes)),
  );
  if (mood === 'paused') console.log('To go on, press Resume on Home or in the tray.');
  if (remedy !== null) console.log(REMEDIES[remedy]);
  return 0;
};

async function wholeState(api: AgentApi): Promise<AgentState> {
  for await (const update of await api.state.watch()) {
    if (update.type === 'whole') return update.state;
  }
  throw new AppError('not-found', 'The agent ended before it answered.');
}
