/** Spark line: the last values of one reading, without axes. Decoration: the value is next to it. */

/** `off`: nothing is read. `wait`: while the owner uses the machine. `warm`: close to a limit. */
export type SparkKind = 'plain' | 'off' | 'wait' | 'warm';

const WIDTH = 100;
const HEIGHT = 28;
const TOP = 2;

export function Spark({
  values,
  kind = 'plain',
  max,
}: {
  /** Newest last. */
  values: readonly (number | null)[];
  kind?: SparkKind;
  /** Value at the top; the largest value if absent. */
  max?: number;
}) {
  const known = values.filter((value) => value !== null);
  const top = Math.max(max ?? 0, ...known, 0);
  const step = values.length > 1 ? WIDTH / (values.length - 1) : 0;
  const points = values.flatMap((value, index) =>
    value === null ? [] : [`${(index * step).toFixed(1)},${heightOf(value, top).toFixed(1)}`],
  );
  const isOff = kind === 'off' || points.length < 2;
  const line = isOff ? `0,${HEIGHT} ${WIDTH},${HEIGHT}` : points.join(' ');
  const first = points[0]?.split(',')[0] ?? '0';
  const last = points.at(-1)?.split(',')[0] ?? String(WIDTH);
  return (
    <svg
      className={`chart spark is-${isOff ? 'off' : kind}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {isOff ? null : <polygon className="area" points={`${first},${HEIGHT} ${line} ${last},${HEIGHT}`} />}
      <polyline className="line" points={line} />
    </svg>
  );
}

function heightOf(value: number, top: number): number {
  return top <= 0 ? HEIGHT - 1 : HEIGHT - 1 - (value / top) * (HEIGHT - 1 - TOP);
}
