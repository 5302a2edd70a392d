/** Parts of pages that send money: the address, and the notes while the owner confirms and after a refusal. */
import { FieldError } from 'react-aria-components/FieldError';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import type { Problem } from '../calls.ts';
import { COMMAND } from '../command.ts';
import { useSection } from '../store.ts';
import { Note } from './note.tsx';
import { ProblemNote } from './problem.tsx';
import { useStrings } from './strings.ts';

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/** True for the form of an address on the chain; the agent checks its checksum. */
export function isAddress(typed: string): boolean {
  return ADDRESS.test(typed.trim());
}

/** Field for an address on the chain, as typed. */
export function AddressField(props: { label: string; value: string; onChange: (typed: string) => void }) {
  const { t } = useStrings();
  const { label, value, onChange } = props;
  return (
    <TextField
      className="field"
      value={value}
      onChange={onChange}
      isInvalid={value.trim() !== '' && !isAddress(value)}
      autoComplete="off"
      spellCheck="false"
    >
      <Label className="field-label">{label}</Label>
      <Input className="input is-address" placeholder="0x…" />
      <FieldError className="field-error">{t('send.badAddress')}</FieldError>
    </TextField>
  );
}

/** Shown while the owner is to confirm outside of the pages. */
export function ConfirmingNote() {
  const { t } = useStrings();
  const { host } = useSection('app');
  return (
    <Note tone="info" role="status" title={t('send.confirming')}>
      {host === 'desktop' ? t('send.confirmDesktop') : t('send.confirmTerminal', { command: COMMAND })}
    </Note>
  );
}

/** A declined confirmation is not an error and gets its own note. */
export function NotSent({ problem }: { problem: Problem | null }) {
  const { t } = useStrings();
  if (problem?.code !== 'not-permitted') return <ProblemNote problem={problem} />;
  return (
    <Note tone="info" role="alert" title={t('send.declined')}>
      {t('send.declinedNext')}
    </Note>
  );
}
