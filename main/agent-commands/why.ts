/** `why`: prints why Idlewatt runs or doesn't, what an hour of waiting costs, and the one change that would fix it. */
import { parseArgs } from 'node:util';
import type { AgentState } from '../../shared/api/state.ts';
import { type Asset, formatUnits } from '../../shared/money.ts';
import { statusOf } from '../../shared/status.ts';
import { type Language, languageFor, text } from '../../shared/strings/index.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { readState, withRunningAgent } from './running-agent.ts';

export const run: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { home: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const state = await withRunningAgent(existingHome(values.home).root, readState);
  if (values.json) {
    const { presence, perHour } = state.work;
    const { status, why, remedy } = statusOf(state.work);
    const { reason, sinceMs, untilMs } = presence;
    console.log(JSON.stringify({ status, why, remedy, reason, sinceMs, untilMs, perHour }));
    return 0;
  }
  const language = languageFor(state.settings.language, systemLanguages(process.env));
  for (const line of reasonLines(state, language)) console.log(line);
  return 0;
};

/** The page's sentence for the state, then the cost of waiting and the fix where there is one. */
export function reasonLines(state: AgentState, language: Language): string[] {
  const { work, money } = state;
  const { status, remedy } = statusOf(work);
  return [
    reasonText(state, language),
    ...(work.presence.decision === 'pause' && status !== 'starting'
      ? [costText(work, money.asset, language)]
      : []),
    ...(status === 'paused' ? [text(language, 'terminal.resume')] : []),
    ...(remedy === null ? [] : [text(language, `terminal.remedy.${remedy}`)]),
  ];
}

function reasonText({ work, settings }: AgentState, language: Language): string {
  const { untilMs } = work.presence;
  const speed = work.tokensPerSecond;
  const sentence = text(language, `why.${statusOf(work).why}`, {
    count: work.activeJobs.length,
    model: text(language, 'common.aModel'),
    speed: speed === null ? '' : text(language, 'speed.atClause', { speed: speed.toFixed(1) }),
    minutes: settings.idleMinutes,
    time:
      untilMs === null ? text(language, 'terminal.unknownTime') : new Date(untilMs).toLocaleString(language),
  });
  // Some sentences begin with the model.
  return sentence.charAt(0).toLocaleUpperCase(language) + sentence.slice(1);
}

/** Cost of an hour of waiting: the average earnings of an hour of work. */
function costText({ perHour }: AgentState['work'], asset: Asset, language: Language): string {
  if (perHour === null) return text(language, 'home.perHourUnknown');
  const { symbol, decimals, practice } = asset;
  const unit = practice ? text(language, 'money.practiceUnit', { symbol }) : symbol;
  const amount = `${formatUnits(BigInt(perHour.earned), decimals)} ${unit}`;
  const hours = new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(perHour.hours);
  return text(language, 'home.perHour', { amount, hours });
}

/** The language tags that POSIX programs take from their environment, the deciding one first. */
function systemLanguages({ LC_ALL, LC_MESSAGES, LANG }: NodeJS.ProcessEnv): string[] {
  const deciding = [LC_ALL, LC_MESSAGES, LANG].find((tag) => tag);
  return deciding === undefined ? [] : [deciding];
}
