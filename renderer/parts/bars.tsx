/** Live bars: one a second, newest last. */

/** Smallest shown share of a value that isn't zero, so that it doesn't look like none. */
const SHARE_MIN = 0.04;

export function Bars(props: {
  /** Null where nothing was read. */
  values: readonly (number | null)[];
  /** Bars of seconds in which the owner used the machine are hatched. */
  owners?: readonly boolean[];
  /** Value at the top; the largest value if absent. */
  max?: number;
  /** The newest bar breathes. */
  isLive?: boolean;
  label: string;
}) {
  const top = Math.max(props.max ?? 0, ...props.values.map((value) => value ?? 0));
  const heightOf = (value: number | null) =>
    value === null || value <= 0 || top <= 0 ? 0 : Math.max(SHARE_MIN, value / top);
  return (
    <div className={props.isLive ? 'bars is-live' : 'bars'} role="img" aria-label={props.label}>
      {props.values.map((value, index) => {
        const isOwners = props.owners?.[index] === true && !value;
        return (
          <i
            // The place is the bar's identity: values move through the places.
            key={index}
            {...(isOwners
              ? { className: 'is-owners' }
              : { style: { blockSize: `${(heightOf(value) * 100).toFixed(1)}%` } })}
          />
        );
      })}
    </div>
  );
}
