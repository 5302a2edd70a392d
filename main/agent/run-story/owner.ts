/** Logs what the owner changed, and what the owner is shown. */
import type { Settings } from '../../../shared/settings.ts';
import type { Notices } from '../../core/notices/index.ts';
import type { SettingsService } from '../../core/settings/index.ts';
import type { Log } from '../../ports/log.ts';

/** Logs the old and the new value of each changed setting. No setting is a secret. */
export function logSettings(log: Log, settings: Pick<SettingsService, 'get' | 'onChange'>): () => void {
  let before = settings.get();
  return settings.onChange((now) => {
    const changed = (Object.keys(now) as (keyof Settings)[]).filter(
      (name) => JSON.stringify(now[name]) !== JSON.stringify(before[name]),
    );
    const values = Object.fromEntries(changed.map((name) => [name, { from: before[name], to: now[name] }]));
    before = now;
    if (changed.length > 0) log.info('Settings changed', values);
  });
}

/** Logs each notice that appears, changes or disappears; one that is shown again unchanged is left out. */
export function logNotices(log: Log, notices: Pick<Notices, 'onChange'>): () => void {
  const shown = new Map<string, string>();
  return notices.onChange((change) => {
    if (change.type === 'cleared') {
      shown.delete(change.code);
      log.info('Notice cleared', { notice: change.code });
      return;
    }
    const { code, severity, details } = change.notice;
    const content = JSON.stringify([severity, details]);
    if (shown.get(code) === content) return;
    shown.set(code, content);
    log.info('Notice shown', { notice: code, severity, details });
  });
}
