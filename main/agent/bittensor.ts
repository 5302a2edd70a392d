/** Opens the service for requests that Bittensor's hotkeys signed, if the owner asked for one. */
import type { AgentReady } from '../../shared/host.ts';
import { hotkeys } from '../adapters/bittensor/index.ts';
import { closeHttp, createPublicServer, listenHttp } from '../adapters/http/index.ts';
import { createHotkeyAccess } from '../core/bittensor/index.ts';
import { createRateLimit } from '../core/rate-limit/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Foundation } from './foundation.ts';
import { openHotkey } from './hotkey-file.ts';
import type { Selling } from './selling.ts';
import type { Surroundings } from './surroundings.ts';
import { readListen, urlHost } from './web-address.ts';

const OPTION = '--bittensor-listen';
/** Lines about hotkeys that aren't on the list: of one hotkey, and in total. */
const LINES_OF_ONE_MAX = 1;
const LINES_MAX = 20;
const LINES_WINDOW_MS = 600_000;

/** Empty where nothing listens. Fails with `bad-request` or `port-in-use`. */
export async function openBittensor(
  { config, serves, clock, log, onClose }: Surroundings,
  { paths, settings }: Pick<Foundation, 'paths' | 'settings'>,
  { provider }: Pick<Selling, 'provider'>,
): Promise<Pick<AgentReady, 'bittensor'>> {
  const text = config.bittensorListen ?? null;
  if (text === null || !serves) return {};
  const listen = readListen(text, OPTION);
  const own = openHotkey(paths.keys);
  const ownLog = log.child('bittensor');
  const access = createHotkeyAccess({
    ...{ provider, own, hotkeys, clock },
    isAllowed: (address) => settings.get().bittensorHotkeys.includes(address),
    onUnexpected: (error) => ownLog.error('A signed request failed unexpectedly', error),
    onStranger: logStrangers(ownLog, clock),
  });
  const { server } = createPublicServer(access, {
    proxies: config.web?.proxies ?? [],
    tls: null,
    onCertificateFault: () => undefined,
  });
  const port = await listenHttp(server, { ...listen, option: OPTION });
  onClose(() => closeHttp(server));
  const url = `http://${urlHost(listen.host)}:${port}`;
  ownLog.info('Signed requests are answered', { url, hotkey: own.address });
  return { bittensor: { url, hotkey: own.address } };
}

/** Rarely enough that nobody can fill the log. */
function logStrangers(log: Log, clock: Clock): (address: string, sentence: string) => void {
  const window = { clock, windowMs: LINES_WINDOW_MS, message: '' };
  const ofOne = createRateLimit({ ...window, eventsMax: LINES_OF_ONE_MAX });
  const total = createRateLimit({ ...window, eventsMax: LINES_MAX });
  return (address, sentence) => {
    if (ofOne.isReached(address) || total.isReached('')) return;
    ofOne.note(address);
    total.note('');
    log.info('A request was refused', { hotkey: address, sentence });
  };
}
