/** Error note: what happened, what it means for the money, what to do, and the details. */
import type { ReactNode } from 'react';
import type { Problem } from '../calls.ts';
import { useStrings } from './strings.ts';

export function ProblemNote({ problem, children }: { problem: Problem | null; children?: ReactNode }) {
  const { t } = useStrings();
  if (!problem) return null;
  return (
    <div className="note is-error" role="alert">
      <p className="note-title">{t(`problem.${problem.code}.what`)}</p>
      <p>
        {t(`problem.${problem.code}.money`)} {t(`problem.${problem.code}.next`)}
      </p>
      <p className="note-source">{t('problem.said', { message: problem.message })}</p>
      {children}
    </div>
  );
}

/** Placeholder for an empty list: names what will appear here and what makes it appear. */
export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      <div>{children}</div>
    </div>
  );
}
