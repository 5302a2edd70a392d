/** Heading of a step of the introduction, with something at its end. */
import type { ReactNode } from 'react';

export function StepHead({ title, lead, aside }: { title: string; lead: string; aside?: ReactNode }) {
  return (
    <div className="first-head">
      <div>
        <h1>{title}</h1>
        <p className="lead">{lead}</p>
      </div>
      {aside}
    </div>
  );
}
