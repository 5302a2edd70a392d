/** Notifies the owner through the desktop shell. Without one there is nobody to show a notification. */

import { plainAsset } from '../../shared/money.ts';
import type { DecisionCode } from '../../shared/notification.ts';
import { DECISION_CODES } from '../../shared/notification.ts';
import type { ShellLink } from '../api/shell-link.ts';
import { startNotifications } from '../core/notices/index.ts';
import type { Engine } from '../ports/engine.ts';
import type { Foundation } from './foundation.ts';
import type { Money } from './money.ts';
import type { Surroundings } from './surroundings.ts';

export function openNotifications(
  { config, clock, onClose, log }: Surroundings,
  parts: {
    readonly foundation: Foundation;
    readonly money: Money;
    readonly engine: Pick<Engine, 'status'>;
    readonly shell: ShellLink;
  },
): void {
  if (config.host !== 'desktop') return;
  const { foundation, money, engine, shell } = parts;
  const { calendar, records, settings, presence, ledger } = foundation;
  const [asset, coin] = [plainAsset(money.chain.token), plainAsset(money.chain.coin)];
  const decisions = (): DecisionCode[] => {
    const waiting = new Set<string>([presence.current().reason]);
    if (engine.status().state === 'gave-up') waiting.add('engine-gave-up');
    for (const { reason } of money.settlement.receivables()) waiting.add(reason);
    return DECISION_CODES.filter((code) => waiting.has(code));
  };
  const notifications = startNotifications({
    ...{ clock, calendar, records, asset, decisions },
    isOn: () => settings.get().notifications,
    received: () => ledger.received(asset.id),
    days: (count) => ledger.earningsByDay(asset.id, coin.id, count),
    show(notification) {
      if (!shell.connected()) return false;
      log.child('notifications').info('The owner is notified', { kind: notification.kind });
      shell.tell({ type: 'notify', notification });
      return true;
    },
  });
  onClose(() => notifications.stop());
}
