/** `keys list`, `keys add`, `keys change` and `keys revoke`: the API keys of the gateway. */
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import { type GatewayKey, type KeyLimits, type NewKey, NO_KEY_LIMITS } from '../../shared/gateway-keys.ts';
import { type Asset, formatUnits, parseUnits } from '../../shared/money.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { readState, withRunningAgent } from './running-agent.ts';

const HOME = { home: { type: 'string' } } as const;
const LIMITS = {
  day: { type: 'string' },
  total: { type: 'string' },
  expires: { type: 'string' },
  'per-minute': { type: 'string' },
  concurrent: { type: 'string' },
} as const;
/** Takes a limit away. */
const NONE = 'none';
const JSON_OUTPUT = { json: { type: 'boolean', default: false } } as const;

export const list: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: { ...HOME, ...JSON_OUTPUT } });
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const { keys } = await api.keys.list({});
    if (values.json) console.log(JSON.stringify(keys));
    else {
      const { money } = await readState(api);
      for (const key of keys) console.log(keyLine(key, money.asset));
    }
    return 0;
  });
};

export const add: CommandRun = async (argv) => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { ...HOME, ...JSON_OUTPUT, ...LIMITS },
  });
  const [name] = positionals;
  if (name === undefined || positionals.length !== 1) {
    throw new AppError('bad-request', 'This command takes one name. Quote a name with spaces.');
  }
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const { asset } = (await readState(api)).money;
    const { key, secret } = await api.keys.add(wantedKey(name, values, asset));
    if (values.json) console.log(JSON.stringify({ ...key, secret }));
    else console.log(`Key: ${secret}\nID:  ${key.id}\nStore the key now. It isn’t shown again.`);
    return 0;
  });
};

export const change: CommandRun = async (argv) => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { ...HOME, ...LIMITS },
  });
  const [id] = positionals;
  if (id === undefined || positionals.length !== 1) {
    throw new AppError('bad-request', 'This command takes the ID of a key that `keys list` shows.');
  }
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const { keys } = await api.keys.list({});
    const before = keys.find((key) => key.id === id);
    if (before === undefined) {
      throw new AppError('not-found', `No API key has the ID "${id.slice(0, 40)}".`);
    }
    const { asset } = (await readState(api)).money;
    const { key } = await api.keys.change({ id, limits: changedLimits(before, values, asset) });
    console.log(keyLine(key, asset));
    return 0;
  });
};

export const revoke: CommandRun = async (argv) => {
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: HOME });
  const [id] = positionals;
  if (id === undefined || positionals.length !== 1) {
    throw new AppError('bad-request', 'This command takes the ID of a key that `keys list` shows.');
  }
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const { keys } = await api.keys.list({});
    await api.keys.revoke({ id });
    const isOwn = keys.find((key) => key.id === id)?.isOwn === true;
    console.log(isOwn ? 'Revoked. The pages and READY have a new key.' : 'Revoked.');
    return 0;
  });
};

interface Typed {
  readonly day?: string | undefined;
  readonly total?: string | undefined;
  readonly expires?: string | undefined;
  readonly 'per-minute'?: string | undefined;
  readonly concurrent?: string | undefined;
}

/** Reads the limits of a new key as typed. Fails with `bad-request`. */
export function wantedKey(name: string, typed: Typed, asset: Pick<Asset, 'decimals'>): NewKey {
  return { name, ...changedLimits(NO_KEY_LIMITS, typed, asset) };
}

/** Returns the limits with those that were typed; `none` takes one away. Fails with `bad-request`. */
export function changedLimits(
  before: KeyLimits,
  typed: Typed,
  { decimals }: Pick<Asset, 'decimals'>,
): KeyLimits {
  const changed = <Value>(text: string | undefined, known: Value | null, read: (text: string) => Value) =>
    text === undefined ? known : text === NONE ? null : read(text);
  const units = (text: string) => parseUnits(text, decimals).toString();
  const { requestsPerMinuteMax, concurrentMax } = before;
  return {
    dayMax: changed(typed.day, before.dayMax, units),
    totalMax: changed(typed.total, before.totalMax, units),
    expiresAtMs: changed(typed.expires, before.expiresAtMs, endOfDay),
    requestsPerMinuteMax: changed(typed['per-minute'], requestsPerMinuteMax, count('per-minute')),
    concurrentMax: changed(typed.concurrent, concurrentMax, count('concurrent')),
  };
}

const count =
  (option: string) =>
  (text: string): number => {
    if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
    throw new AppError('bad-request', `Invalid --${option} "${text}". Use a whole number from 1.`);
  };

/** Returns when the local day is over. */
function endOfDay(text: string): number {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)?.map(Number) ?? [];
  const isDay = year !== undefined && month !== undefined && day !== undefined;
  const start = isDay ? new Date(year, month - 1, day) : null;
  if (!isDay || start?.getMonth() !== month - 1) {
    throw new AppError('bad-request', `Invalid --expires "${text}". Use a day such as 2027-01-31.`);
  }
  return new Date(year, month - 1, day + 1).getTime();
}

/** One line of `keys list`. */
export function keyLine(key: GatewayKey, asset: Pick<Asset, 'symbol' | 'decimals'>): string {
  const money = (units: string) => `${formatUnits(BigInt(units), asset.decimals)} ${asset.symbol}`;
  const limit = (spent: string, max: string | null) =>
    money(spent) + (max === null ? '' : ` of ${money(max)}`);
  const parts = [
    `24 h: ${limit(key.spentDay, key.dayMax)}`,
    `total: ${limit(key.spentTotal, key.totalMax)}`,
    key.expiresAtMs === null ? null : `expires ${instant(key.expiresAtMs)}`,
    key.requestsPerMinuteMax === null ? null : `${key.requestsPerMinuteMax}/min`,
    key.concurrentMax === null ? null : `${key.concurrentMax} concurrent`,
    key.lastUsedAtMs === null ? 'never used' : `last used ${instant(key.lastUsedAtMs)}`,
  ];
  return `${key.id}  ${key.name}  ${parts.filter((part) => part !== null).join(', ')}`;
}

function instant(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16)}Z`;
}
