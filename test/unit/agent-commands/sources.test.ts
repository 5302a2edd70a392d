/**
 * Verifies: `sources order` reads what it prints.
 * Setup: the reading and the text alone.
 * Fails if: an order that was set is shown as another one, or a mistyped one changes something.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { orderPatch, orderText } from '../../../main/agent-commands/sources.ts';
import { isAppError } from '../../../shared/errors.ts';
import { DEFAULT_SETTINGS, settingsSchema } from '../../../shared/settings.ts';

it('an order is shown as it was typed', () => {
  assert.equal(orderText(DEFAULT_SETTINGS), 'pay');
  for (const typed of ['horde,market,bittensor', 'pay', 'market,bittensor,horde'])
    assert.equal(orderText(settingsSchema.parse({ ...DEFAULT_SETTINGS, ...orderPatch([typed]) })), typed);
  assert.equal(orderPatch([]), null);
});

it('one that misses a source, repeats one or names another is refused', () => {
  for (const typed of [['horde'], ['horde,horde,market'], ['market,bittensor,mars'], ['pay', 'horde'], ['']])
    assert.throws(
      () => orderPatch(typed),
      (error) => isAppError(error, 'bad-request'),
      typed.join(' '),
    );
});
