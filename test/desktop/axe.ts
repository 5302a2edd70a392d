/** Runs axe-core in a page. Its source is loaded once per page, and stays while the page only changes its route. */
import axe, { type AxeResults, type RunOptions } from 'axe-core';
import type { Page } from 'playwright';

/**
 * `contrast`: the rules that depend on colors, which a theme changes; two thirds of the time of a run go into them.
 * `structure`: all others, which depend on elements, texts and on the width. `texts`: those of them that a language can
 * change, which are the rules on names and on what scrolls.
 */
export type AxeRules = 'all' | 'contrast' | 'structure' | 'texts';

/** Rows of a table after these repeat the same parts, and would take most of the time. */
const SIMILAR_ROWS = 'tbody tr:nth-child(n + 10)';
const CONTRAST_RULES = ['color-contrast', 'link-in-text-block'];
const TEXT_RULES = [
  ...['aria-command-name', 'aria-dialog-name', 'aria-input-field-name', 'aria-meter-name'],
  ...['aria-progressbar-name', 'aria-tab-name', 'aria-toggle-field-name', 'aria-tooltip-name'],
  ...['aria-treeitem-name', 'button-name', 'document-title', 'empty-heading', 'empty-table-header'],
  ...['form-field-multiple-labels', 'html-has-lang', 'html-lang-valid', 'html-xml-lang-mismatch'],
  ...[
    'image-alt',
    'image-redundant-alt',
    'input-button-name',
    'label',
    'label-title-only',
    'landmark-unique',
  ],
  ...['link-name', 'role-img-alt', 'scrollable-region-focusable', 'select-name', 'summary-name'],
  ...['svg-img-alt', 'table-duplicate-name', 'valid-lang'],
];

const OPTIONS: Record<AxeRules, RunOptions> = {
  all: {},
  contrast: { runOnly: { type: 'rule', values: CONTRAST_RULES } },
  structure: { rules: Object.fromEntries(CONTRAST_RULES.map((rule) => [rule, { enabled: false }])) },
  texts: { runOnly: { type: 'rule', values: TEXT_RULES } },
};

/** Returns one line per violation: the rule, and the elements that violate it. */
export async function axeFindings(page: Page, rules: AxeRules = 'all'): Promise<string[]> {
  await loadAxe(page);
  const { violations } = await page.evaluate(
    ([options, similar]) => {
      const inPage = (window as unknown as { axe: typeof axe }).axe;
      return inPage.run(
        { exclude: [[similar]] },
        { ...options, resultTypes: ['violations'] },
      ) as Promise<AxeResults>;
    },
    [OPTIONS[rules], SIMILAR_ROWS] as const,
  );
  return linesOf(violations);
}

/**
 * Returns a function that runs the rules on contrast like {@link axeFindings}, but checks each appearance of a text only once:
 * its color and font, and the elements around it with their classes, colors and layers. Texts of the same appearance have the
 * same contrast unless something else lies behind one of them, which only the whole run would find.
 */
export function createAppearanceCheck(): (page: Page) => Promise<string[]> {
  const seen = new Set<number>();
  return async (page) => {
    await loadAxe(page);
    const { appearances, violations } = await page.evaluate(checkAppearances, [
      OPTIONS.contrast,
      [...seen],
    ] as const);
    for (const appearance of appearances) seen.add(appearance);
    return linesOf(violations);
  };
}

/** Runs in the page: checks the texts whose appearance isn't in `seen`, and returns the hashes of their appearances. */
async function checkAppearances([options, seen]: readonly [RunOptions, readonly number[]]): Promise<{
  appearances: number[];
  violations: AxeResults['violations'];
}> {
  const appearances = new Set(seen);
  const around = new Map<Element, number>();
  /** cyrb53, a hash of 53 bits. */
  const hashOf = (text: string) => {
    let [low, high] = [0xdeadbeef, 0x41c6ce57];
    for (let index = 0; index < text.length; index += 1) {
      low = Math.imul(low ^ text.charCodeAt(index), 2_654_435_761);
      high = Math.imul(high ^ text.charCodeAt(index), 1_597_334_677);
    }
    return 2 ** 32 * (2_097_151 & (high ^ (low >>> 13))) + ((low ^ (high >>> 16)) >>> 0);
  };
  const aroundOf = (element: Element): number => {
    const known = around.get(element);
    if (known !== undefined) return known;
    const { backgroundColor, backgroundImage, opacity, filter, position, zIndex } = getComputedStyle(element);
    const outer = element.parentElement ? aroundOf(element.parentElement) : 0;
    const isDisabled = element.matches(':disabled, [aria-disabled=true]');
    const own = [element.tagName, element.getAttribute('class'), isDisabled, position, zIndex];
    const hash = hashOf([outer, ...own, backgroundColor, backgroundImage, opacity, filter].join(' '));
    around.set(element, hash);
    return hash;
  };
  const isText = (element: Element) =>
    element.matches('input, select, textarea') ||
    [...element.childNodes].some((node) => node instanceof Text && node.data.trim() !== '');
  const added: { appearance: number; element: Element }[] = [];
  for (const element of document.body.querySelectorAll('*')) {
    if (!isText(element) || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
      continue;
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element);
    const appearance = hashOf([aroundOf(element), color, fontSize, fontWeight, textShadow].join(' '));
    if (!appearances.has(appearance)) added.push({ appearance, element });
    appearances.add(appearance);
  }
  const found = { appearances: added.map(({ appearance }) => appearance), violations: [] };
  if (added.length === 0) return found;
  const inPage = (window as unknown as { axe: typeof axe }).axe;
  const { violations } = await inPage.run(
    { include: added.map(({ element }) => element) },
    { ...options, resultTypes: ['violations'] },
  );
  return { ...found, violations };
}

async function loadAxe(page: Page): Promise<void> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
}

function linesOf(violations: AxeResults['violations']): string[] {
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
