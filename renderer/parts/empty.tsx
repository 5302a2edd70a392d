/** Placeholder of an empty list, in the place of its first row: names what will appear and what makes it appear. */
import type { ReactNode } from 'react';

export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      <div>{children}</div>
      {action}
    </div>
  );
}
