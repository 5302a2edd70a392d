/** Meter: shares of a known whole. Decoration: the numbers are next to it. */

/** `over` is hatched: what does not fit. */
export type MeterKind = 'plain' | 'strong' | 'other' | 'warning' | 'over';

export function Meter(props: {
  /** Shares from 0 to 1, in order. */
  parts: readonly { share: number; kind?: MeterKind }[];
  isBig?: boolean;
  isPractice?: boolean;
}) {
  const className = ['meter', props.isBig ? 'is-big' : '', props.isPractice ? 'is-practice' : '']
    .filter(Boolean)
    .join(' ');
  return (
    <span className={className} aria-hidden="true">
      {props.parts.map(({ share, kind = 'plain' }, index) => (
        <i
          key={`${kind}-${String(index)}`}
          className={`is-${kind}`}
          style={{ inlineSize: `${(Math.min(1, Math.max(0, share)) * 100).toFixed(2)}%` }}
        />
      ))}
    </span>
  );
}
