/** Facts: two to four readings of equal rank, with a unit and a spark line. Never for totals of money. */
import type { ReactNode } from 'react';
import { Spark, type SparkKind } from './spark.tsx';

export function Facts({ label, children }: { label: string; children: ReactNode }) {
  return (
    <section className="card" aria-label={label}>
      <dl className="facts">{children}</dl>
    </section>
  );
}

/** `value` is written text. `history` is the newest last; null where nothing was read, which keeps the height. */
export function Reading(props: {
  label: string;
  value: ReactNode;
  unit?: string;
  history?: readonly (number | null)[];
  kind?: SparkKind;
}) {
  return (
    <div>
      <dt>{props.label}</dt>
      <dd>
        {props.value} {props.unit ? <small>{props.unit}</small> : null}
      </dd>
      {props.history ? (
        <dd className="facts-spark">
          <Spark values={props.history} {...(props.kind ? { kind: props.kind } : {})} />
        </dd>
      ) : null}
    </div>
  );
}
