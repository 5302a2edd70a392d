/** Tag: the state of a thing in a row, by icon and word. */
import type { ReactNode } from 'react';
import { Icon, type IconName } from './icon.tsx';

export type Tone = 'rest' | 'good' | 'wait' | 'warning' | 'bad';

export function Tag({
  tone = 'rest',
  icon,
  children,
}: {
  tone?: Tone;
  icon?: IconName;
  children: ReactNode;
}) {
  return (
    <span className={`tag is-${tone}`}>
      {icon ? <Icon name={icon} isSmall /> : null}
      {children}
    </span>
  );
}

/** The word for practice or test money, in a dashed frame. */
export function PracticeTag({ children }: { children: ReactNode }) {
  return <span className="practice-tag">{children}</span>;
}
