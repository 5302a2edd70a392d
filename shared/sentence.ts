/**
 * What pages and tray say first, without words: what the machine does now, why, and the one thing that
 * would change it. Pure, so that every reason is provably answered in every language.
 */
import type { AgentState } from './api/state.ts';
import { assertNever } from './assert.ts';

export type Mood = 'earning' | 'ready' | 'waiting' | 'paused' | 'starting' | 'stopped';

/** What mends the reason, where one press can. */
export type Remedy = 'run-on-battery' | 'run-always' | 'open-models' | 'open-settings' | null;

export type Why =
  | 'serving-idle'
  | 'serving-always'
  | 'ready-idle'
  | 'ready-always'
  | 'engine-loading'
  | 'engine-restarting'
  | 'engine-stopped'
  | 'engine-gave-up'
  | 'paused-until-time'
  | 'paused-until-resume'
  | 'owner-active'
  | 'on-battery'
  | 'session-unknown'
  | 'no-model'
  | 'starting';

export interface Sentence {
  readonly mood: Mood;
  readonly why: Why;
  readonly remedy: Remedy;
}

export function sentenceFor(work: AgentState['work']): Sentence {
  const { presence } = work;
  switch (presence.reason) {
    case 'paused-by-owner':
      return {
        mood: 'paused',
        why: presence.untilMs === null ? 'paused-until-resume' : 'paused-until-time',
        remedy: null,
      };
    case 'owner-active':
      return { mood: 'waiting', why: 'owner-active', remedy: 'open-settings' };
    case 'on-battery':
      return { mood: 'waiting', why: 'on-battery', remedy: 'run-on-battery' };
    case 'session-unknown':
      return { mood: 'waiting', why: 'session-unknown', remedy: 'run-always' };
    case 'no-model':
      return { mood: 'waiting', why: 'no-model', remedy: 'open-models' };
    case 'engine-gave-up':
      return { mood: 'stopped', why: 'engine-gave-up', remedy: 'open-models' };
    case 'starting':
      return { mood: 'starting', why: 'starting', remedy: null };
    case 'idle':
    case 'always-on':
      return runningSentence(work, presence.reason === 'always-on');
    default:
      return assertNever(presence.reason);
  }
}

function runningSentence(work: AgentState['work'], always: boolean): Sentence {
  switch (work.engine) {
    case 'gave-up':
      return { mood: 'stopped', why: 'engine-gave-up', remedy: 'open-models' };
    case 'restarting':
      return { mood: 'starting', why: 'engine-restarting', remedy: null };
    case 'loading':
      return { mood: 'starting', why: 'engine-loading', remedy: null };
    case 'stopped':
      return { mood: 'starting', why: 'engine-stopped', remedy: null };
    case 'ready':
      return work.activeJobs.length > 0
        ? { mood: 'earning', why: always ? 'serving-always' : 'serving-idle', remedy: null }
        : { mood: 'ready', why: always ? 'ready-always' : 'ready-idle', remedy: null };
    default:
      return assertNever(work.engine);
  }
}
