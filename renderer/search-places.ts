/** Settings that the search finds, by the key of their label, with the page on which they are. */
import type { Page } from './route.ts';

export const SETTING_PLACES = [
  ['settings.network.title', 'settings'],
  ['settings.runWhen', 'settings'],
  ['settings.idleMinutes', 'settings'],
  ['settings.battery', 'settings'],
  ['settings.metered', 'settings'],
  ['settings.locked', 'settings'],
  ['settings.pauseForFullScreen', 'settings'],
  ['settings.pauseForDisplayAwake', 'settings'],
  ['settings.pauseForOtherPrograms', 'settings'],
  ['settings.pauseForOtherUsers', 'settings'],
  ['settings.language', 'settings'],
  ['settings.appearance', 'settings'],
  ['settings.start', 'settings'],
  ['settings.notifications', 'settings'],
  ['settings.budget', 'settings'],
  ['settings.historyDays', 'settings'],
  ['maintenance.backup', 'settings'],
  ['maintenance.restore', 'settings'],
  ['maintenance.report', 'settings'],
  ['about.others', 'settings'],
  ['about.remove', 'settings'],
  ['rates.sourceLabel', 'settings'],
  ['rates.currency', 'settings'],
  ['settings.priceInput', 'settings'],
  ['settings.priceOutput', 'settings'],
  ['selling.policy', 'settings'],
  ['selling.batchDiscount', 'settings'],
  ['selling.sellTo', 'sources'],
  ['sources.market.on', 'sources'],
  ['sources.storefront.on', 'sources'],
  ['horde.on', 'sources'],
  ['settings.threshold', 'settings'],
  ['settings.feeMax', 'settings'],
  ['buying.buyDayMax', 'settings'],
  ['buying.buyRequestMax', 'settings'],
  ['buying.buyNewProviderMax', 'settings'],
  ['buying.opinionsFrom', 'settings'],
  ['settings.comfort', 'machine'],
  ['settings.watts', 'machine'],
  ['settings.graphicsMemory', 'machine'],
  ['settings.modelMemory', 'machine'],
  ['settings.modelIdle', 'machine'],
  ['settings.runNow', 'schedule'],
  ['settings.scheduleOn', 'schedule'],
  ['settings.cheapOn', 'schedule'],
  ['settings.powerPrice', 'schedule'],
  ['settings.workWatts', 'schedule'],
] as const satisfies readonly (readonly [key: string, page: Page])[];

/** True if each word of the query begins a word of the text, in any case and without accents. */
export function matches(text: string, query: string): boolean {
  const words = plain(text).split(/[^\p{L}\p{N}]+/u);
  return plain(query)
    .split(/\s+/)
    .every((wanted) => wanted === '' || words.some((word) => word.startsWith(wanted)));
}

function plain(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();
}
