/** A number or a word with what stands behind it (time, source), reachable by mouse and by keyboard. */
import type { ReactNode } from 'react';
import { Button, Tooltip, TooltipTrigger } from 'react-aria-components';
import { useStrings } from './strings.ts';

/** Shows `children`, and on hover or focus what it rests on. Without `about` it is plain text. */
export function Fact({ children, about }: { children: ReactNode; about?: string | null }) {
  if (!about) return <>{children}</>;
  return (
    <TooltipTrigger delay={350} closeDelay={100}>
      <Button className="fact">{children}</Button>
      <Tooltip className="tooltip" offset={6}>
        {about}
      </Tooltip>
    </TooltipTrigger>
  );
}

/** What was not measured or cannot be reached. Never a zero. */
export function Unknown({ about }: { about?: string | null }) {
  const { t } = useStrings();
  return (
    <Fact about={about ?? null}>
      <span className="unknown">{t('common.unknown')}</span>
    </Fact>
  );
}

/** A labelled number among others. */
export function Figure({ label, children, note }: { label: string; children: ReactNode; note?: ReactNode }) {
  return (
    <div className="figure">
      <dt>{label}</dt>
      <dd>
        <div className="figure-value">{children}</div>
        {note ? <div className="figure-note">{note}</div> : null}
      </dd>
    </div>
  );
}
