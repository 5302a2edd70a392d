/** Title and text of a notification. Pure, so that a test can check every kind in every language. */
import { assertNever } from '../../shared/assert.ts';
import type { OwnerNotification } from '../../shared/notification.ts';
import { type Language, text } from '../../shared/strings/index.ts';
import { moneyText } from './money-text.ts';

export function notificationText(
  notification: OwnerNotification,
  language: Language,
): { readonly title: string; readonly body: string } {
  switch (notification.kind) {
    case 'decision':
      return {
        title: text(language, 'notification.decision'),
        body:
          notification.code === 'wallet-not-backed-up'
            ? text(language, 'notification.backUp')
            : text(language, `why.${notification.code}`),
      };
    case 'payout': {
      const amount = moneyText(notification.asset, notification.amount, language);
      return {
        title: text(language, 'notification.payout'),
        body: text(language, 'notification.payoutText', { amount }),
      };
    }
    case 'week': {
      const amount = moneyText(notification.asset, notification.earned, language);
      return {
        title: text(language, 'notification.week'),
        body: text(language, 'notification.weekText', { amount, count: notification.jobs }),
      };
    }
    default:
      return assertNever(notification);
  }
}
