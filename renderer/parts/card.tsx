/** Card: a framed part of a page, with or without a head. */
import { type ReactNode, useId } from 'react';

/** With `title` it is a section with a heading; otherwise give `label`, its name for screen readers. */
export function Card(props: {
  title?: string;
  label?: string;
  /** End of the head: a link, a count or a button. */
  aside?: ReactNode;
  /** 20 px inside; without, rows and tables reach the edges. */
  isPadded?: boolean;
  className?: string;
  children: ReactNode;
}) {
  const id = useId();
  const className = ['card', props.title === undefined && props.isPadded ? 'pad' : '', props.className]
    .filter(Boolean)
    .join(' ');
  if (props.title === undefined) {
    return (
      <section className={className} aria-label={props.label}>
        {props.children}
      </section>
    );
  }
  return (
    <section className={className} aria-labelledby={id}>
      <header>
        <h2 id={id}>{props.title}</h2>
        {props.aside ? <div className="card-aside">{props.aside}</div> : null}
      </header>
      {props.isPadded ? <div className="pad">{props.children}</div> : props.children}
    </section>
  );
}

/** Columns side by side, one below the other on a phone. `wide`: 1.75 to 1. */
export function Columns({ kind = 'even', children }: { kind?: 'even' | 'wide'; children: ReactNode }) {
  return <div className={`cols is-${kind}`}>{children}</div>;
}
