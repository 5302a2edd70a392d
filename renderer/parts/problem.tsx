/** Error note: what happened, what it means for the money, what to do, and the details. */
import type { ReactNode } from 'react';
import type { Problem } from '../calls.ts';
import { Note } from './note.tsx';
import { useStrings } from './strings.ts';

export function ProblemNote({ problem, children }: { problem: Problem | null; children?: ReactNode }) {
  const { t } = useStrings();
  if (!problem) return null;
  return (
    <Note tone="error" role="alert" title={t(`problem.${problem.code}.what`)}>
      <p>
        {t(`problem.${problem.code}.money`)} {t(`problem.${problem.code}.next`)}
      </p>
      <p className="note-source">{t('problem.said', { message: problem.message })}</p>
      {children}
    </Note>
  );
}
