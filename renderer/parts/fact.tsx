/** Shows values with a tooltip, for example for their time and source. It opens by mouse, keyboard and touch. */
import { type ReactNode, useState } from 'react';
import { Button } from 'react-aria-components/Button';
import { Tooltip, TooltipTrigger } from 'react-aria-components/Tooltip';
import { useStrings } from './strings.ts';

/** Shows `children`, and `about` as a tooltip on hover, on focus or by a tap. Without `about` it is plain text. */
export function Fact({ children, about }: { children: ReactNode; about?: string | null }) {
  const [isOpen, setOpen] = useState(false);
  if (!about) return <>{children}</>;
  return (
    <TooltipTrigger delay={350} closeDelay={100} isOpen={isOpen} onOpenChange={setOpen}>
      <Button
        className="fact"
        onPress={({ pointerType }) => {
          // A finger doesn't hover, and its press closed the tooltip
          if (pointerType === 'touch') setOpen(!isOpen);
        }}
      >
        {children}
      </Button>
      <Tooltip className="tooltip" offset={6}>
        {about}
      </Tooltip>
    </TooltipTrigger>
  );
}

/** The word "unknown", for a value that wasn't measured or can't be read. It is never shown as zero. */
export function Unknown({ about }: { about?: string | null }) {
  const { t } = useStrings();
  return (
    <Fact about={about ?? null}>
      <span className="unknown">{t('common.unknown')}</span>
    </Fact>
  );
}

/** A labeled number in a list of figures. */
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
