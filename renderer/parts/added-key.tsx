/** A key that was just added, with its secret and a button that copies it. */
import { CopyButton } from './copy.tsx';
import { Note } from './note.tsx';
import { useStrings } from './strings.ts';

/** The secret is shown here alone: nothing can show it later. */
export function AddedKey({ name, secret }: { name: string; secret: string }) {
  const { t } = useStrings();
  return (
    <Note tone="info" role="status" title={t('keys.added', { name })}>
      <p>{t('keys.once')}</p>
      <div className="copyline">
        <code>{secret}</code>
        <CopyButton text={secret} label={t('use.key')} />
      </div>
    </Note>
  );
}
