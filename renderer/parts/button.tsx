/** Buttons and links that look like buttons. A page has at most one primary button. */
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components/Button';
import { Icon, type IconName } from './icon.tsx';

/** `word`: a word of the text around it. */
export type ButtonKind = 'plain' | 'primary' | 'quiet' | 'danger' | 'word';

interface Look {
  readonly kind?: ButtonKind;
  readonly isSmall?: boolean;
  /** Before the label. */
  readonly icon?: IconName;
  /** After the label. */
  readonly iconAfter?: IconName;
}

/** Class of a button, for parts that draw one themselves. */
export function buttonClass({ kind = 'plain', isSmall = false }: Look, isIcon = false): string {
  return ['btn', kind === 'plain' ? '' : `is-${kind}`, isSmall ? 'is-small' : '', isIcon ? 'is-icon' : '']
    .filter(Boolean)
    .join(' ');
}

function Content({ icon, iconAfter, children }: Look & { children: ReactNode }) {
  return (
    <>
      {icon ? <Icon name={icon} /> : null}
      {children}
      {iconAfter ? <Icon name={iconAfter} isSmall /> : null}
    </>
  );
}

/** A button with a label. `label` replaces it for screen readers and must contain it. */
export function ActionButton(
  props: Look & {
    children: ReactNode;
    onPress?: () => void;
    isDisabled?: boolean;
    label?: string;
    autoFocus?: boolean;
  },
) {
  return (
    <Button
      className={buttonClass(props)}
      isDisabled={props.isDisabled ?? false}
      autoFocus={props.autoFocus ?? false}
      {...(props.onPress ? { onPress: props.onPress } : {})}
      {...(props.label ? { 'aria-label': props.label } : {})}
    >
      <Content {...props} />
    </Button>
  );
}

/** A button that shows only an icon; `label` names it. */
export function IconButton(
  props: Pick<Look, 'kind' | 'isSmall'> & {
    icon: IconName;
    label: string;
    onPress?: () => void;
    isDisabled?: boolean;
  },
) {
  return (
    <Button
      className={buttonClass({ kind: props.kind ?? 'quiet', isSmall: props.isSmall ?? true }, true)}
      isDisabled={props.isDisabled ?? false}
      aria-label={props.label}
      {...(props.onPress ? { onPress: props.onPress } : {})}
    >
      <Icon name={props.icon} />
    </Button>
  );
}

/** A link to a page that looks like a button. */
export function ActionLink(props: Look & { href: string; children: ReactNode }) {
  return (
    <a className={buttonClass(props)} href={props.href}>
      <Content {...props} />
    </a>
  );
}
