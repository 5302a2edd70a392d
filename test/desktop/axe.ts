/** Runs axe-core in a page. Its source is loaded once per page, and stays while the page only changes its route. */
import axe, { type AxeResults, type RunOptions } from 'axe-core';
import type { Page } from 'playwright';

/**
 * `contrast`: the rules that depend on colors, which a theme changes. `structure`: all others, which depend on texts and
 * on the width. Half of the time of a run goes into each.
 */
export type AxeRules = 'all' | 'contrast' | 'structure';

/** Rows of a table after these repeat the same parts, and would take most of the time. */
const SIMILAR_ROWS = 'tbody tr:nth-child(n + 10)';
const CONTRAST_RULES = ['color-contrast', 'link-in-text-block'];

const OPTIONS: Record<AxeRules, RunOptions> = {
  all: {},
  contrast: { runOnly: { type: 'rule', values: CONTRAST_RULES } },
  structure: { rules: Object.fromEntries(CONTRAST_RULES.map((rule) => [rule, { enabled: false }])) },
};

/** Returns one line per violation: the rule, and the elements that violate it. */
export async function axeFindings(page: Page, rules: AxeRules = 'all'): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
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
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
