/** Copies text to the clipboard and confirms it. */
import { type ReactNode, useState } from 'react';
import { Button } from 'react-aria-components/Button';
import { buttonClass } from './button.tsx';
import { Icon } from './icon.tsx';
import { useStrings } from './strings.ts';

/** `label` names what is copied. `isIcon` shows only the sign; `children` replaces the word "Copy". */
export function CopyButton(props: { text: string; label: string; isIcon?: boolean; children?: ReactNode }) {
  const { text, label, isIcon = false } = props;
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
      <Button
        className={buttonClass({ isSmall: true, ...(isIcon ? { kind: 'quiet' } : {}) }, isIcon)}
        onPress={copy}
        aria-label={`${t('common.copy')}: ${label}`}
      >
        <Icon name={outcome === 'copied' ? 'check' : outcome === 'refused' ? 'cross' : 'copy'} isSmall />
        {isIcon ? null : outcome === 'idle' ? (props.children ?? t('common.copy')) : t(`common.${outcome}`)}
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
