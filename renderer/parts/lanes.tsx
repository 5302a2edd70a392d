/** Lanes: one reading of a device live, with its last minutes and its limit. */
import type { ReactNode } from 'react';
import { Spark, type SparkKind } from './spark.tsx';

export function Lanes({ children }: { children: ReactNode }) {
  return <dl className="lanes">{children}</dl>;
}

export function Lane(props: {
  label: string;
  value: ReactNode;
  unit?: string;
  history: readonly (number | null)[];
  /** Value at the top of the drawing. */
  max?: number;
  limit?: ReactNode;
  kind?: SparkKind;
}) {
  return (
    <div className="lane">
      <dt>
        <span className="label">{props.label}</span>
      </dt>
      <dd className="lane-value">
        {props.value} {props.unit ? <small>{props.unit}</small> : null}
      </dd>
      <dd className="wave">
        <Spark
          values={props.history}
          {...(props.max === undefined ? {} : { max: props.max })}
          {...(props.kind ? { kind: props.kind } : {})}
        />
      </dd>
      <dd className="lane-limit">{props.limit}</dd>
    </div>
  );
}
