/** Story: the steps of one thing's life: done, now, and to come. */
import type { ReactNode } from 'react';
import { Icon, type IconName } from './icon.tsx';

export function Story({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ol className="story" aria-label={label}>
      {children}
    </ol>
  );
}

/** `failed` ends a story. `time` is at the end of the line. */
export function StoryStep(props: {
  state: 'done' | 'now' | 'todo' | 'failed';
  title: ReactNode;
  note?: ReactNode;
  time?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <li className={`is-${props.state}`}>
      <span className="dot" aria-hidden="true">
        <Icon name={DOTS[props.state]} isSmall />
      </span>
      <div>
        {props.title} {props.note ? <span className="sm">{props.note}</span> : null}
        {props.children}
      </div>
      <span className="story-time">{props.time}</span>
    </li>
  );
}

const DOTS: Readonly<Record<'done' | 'now' | 'todo' | 'failed', IconName>> = {
  done: 'check',
  now: 'bolt',
  todo: 'clock',
  failed: 'cross',
};
