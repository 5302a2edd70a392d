/** Note: one fact with one button. */
import type { ReactNode } from 'react';
import { Icon, type IconName } from './icon.tsx';

export type NoteTone = 'plain' | 'practice' | 'info' | 'warning' | 'error';

const ICONS: Readonly<Record<NoteTone, IconName>> = {
  plain: 'info',
  practice: 'info',
  info: 'info',
  warning: 'warning',
  error: 'warning',
};

/** `role`: `alert` for a failure that has just happened, `status` for news; none for what was there from the start. */
export function Note(props: {
  tone?: NoteTone;
  title?: ReactNode;
  children?: ReactNode;
  /** One button or link at the end. */
  action?: ReactNode;
  role?: 'alert' | 'status';
}) {
  const tone = props.tone ?? 'plain';
  return (
    <div className={`note is-${tone}`} role={props.role}>
      <Icon name={ICONS[tone]} />
      <div className="note-text">
        {props.title ? <p className="note-title">{props.title}</p> : null}
        {props.children}
      </div>
      {props.action}
    </div>
  );
}
