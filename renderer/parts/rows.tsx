/** Rows: a list whose lines name a thing, say one fact about it, and may open it. */
import type { ReactNode } from 'react';
import { Icon, type IconName } from './icon.tsx';

/** `isFilled`: the rows share the height of the card. Put it into a `Card`, or give `label` to make it one. */
export function Rows(props: { label?: string; isFilled?: boolean; isTight?: boolean; children: ReactNode }) {
  const className = [
    'rows',
    props.label ? 'card' : '',
    props.isFilled ? 'is-filled' : '',
    props.isTight ? 'is-tight' : '',
  ]
    .filter(Boolean)
    .join(' ');
  return (
    <ul className={className} aria-label={props.label}>
      {props.children}
    </ul>
  );
}

/** One line: title and note at the start, value and exact value at the end. With `href` the whole line is a link. */
export function Row(props: {
  title: ReactNode;
  note?: ReactNode;
  icon?: IconName;
  /** At the end: an amount, a tag, a button or a switch. */
  end?: ReactNode;
  /** Below `end`, small. */
  exact?: ReactNode;
  href?: string;
  /** Below title and note, for example a meter. */
  children?: ReactNode;
}) {
  const content = (
    <>
      {props.icon ? <Icon name={props.icon} /> : null}
      <span className="grow">
        {props.title}
        {props.note ? <span className="sm">{props.note}</span> : null}
        {props.children}
      </span>
      {props.end || props.exact ? (
        <span className="end">
          {props.end}
          {props.exact ? <span className="exact">{props.exact}</span> : null}
        </span>
      ) : null}
    </>
  );
  if (props.href === undefined) {
    return (
      <li>
        <div className="row-line">{content}</div>
      </li>
    );
  }
  return (
    <li>
      <a className="row-line" href={props.href}>
        {content}
        <Icon name="next" isSmall />
      </a>
    </li>
  );
}
