/** Head of a page: its name, one sentence about its purpose, and the actions that concern the whole page. */
import type { ReactNode } from 'react';

export function PageHead({ title, lead, children }: { title: string; lead?: string; children?: ReactNode }) {
  return (
    <header className="page-head">
      <div>
        <h1>{title}</h1>
        {lead ? <p>{lead}</p> : null}
      </div>
      {children ? <div className="page-actions">{children}</div> : null}
    </header>
  );
}

/** Head of a section that isn't a card. */
export function SectionHead({ title, id, aside }: { title: string; id?: string; aside?: ReactNode }) {
  return (
    <div className="section-head">
      <h2 id={id}>{title}</h2>
      {aside ? <div className="soft">{aside}</div> : null}
    </div>
  );
}
