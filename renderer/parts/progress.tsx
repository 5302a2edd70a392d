/** Progress bar for anything that takes longer than 2 s. */
import { Label } from 'react-aria-components/Label';
import { ProgressBar } from 'react-aria-components/ProgressBar';

/** `fraction` is from 0 to 1; null if unknown. */
export function Progress({
  label,
  fraction,
  text,
}: {
  label: string;
  fraction: number | null;
  text: string;
}) {
  const percent = fraction === null ? null : Math.min(100, Math.max(0, fraction * 100));
  return (
    <ProgressBar
      className="progress"
      value={percent ?? 0}
      isIndeterminate={percent === null}
      valueLabel={text}
    >
      <Label className="for-readers">{label}</Label>
      <svg className="progress-track" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 1">
        <rect
          className={percent === null ? 'progress-unknown' : 'progress-done'}
          width={percent ?? 100}
          height="1"
        />
      </svg>
      <span className="progress-text">{text}</span>
    </ProgressBar>
  );
}
