/** Copies text to the clipboard and confirms it. */
import { useState } from 'react';
import { Button } from 'react-aria-components';
import { useStrings } from './strings.ts';

export function CopyButton({ text, label }: { text: string; label: string }) {
  const { t } = useStrings();
  const [outcome, setOutcome] = useState<'idle' | 'copied' | 'refused'>('idle');
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setOutcome('copied'),
      () => setOutcome('refused'),
    );
    setTimeout(() => setOutcome('idle'), 2_500);
  };
  return (
    <>
      <Button className="btn is-small" onPress={copy} aria-label={`${t('common.copy')}: ${label}`}>
        {outcome === 'idle' ? t('common.copy') : t(`common.${outcome}`)}
      </Button>
      <span className="for-readers" role="status">
        {outcome === 'idle' ? '' : t(`common.${outcome}`)}
      </span>
    </>
  );
}

/** A block of code or a long identifier with its copy button. */
export function CopyBlock({ text, label }: { text: string; label: string }) {
  return (
    <figure className="copy-block">
      <figcaption>
        <span>{label}</span>
        <CopyButton text={text} label={label} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling area must be reachable by keyboard */}
      <div className="copy-scroll" tabIndex={0}>
        <pre>{text}</pre>
      </div>
    </figure>
  );
}
