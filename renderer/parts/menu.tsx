/** A button that opens a menu. */
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components/Button';
import { Menu, MenuItem, MenuTrigger } from 'react-aria-components/Menu';
import { Popover } from 'react-aria-components/Popover';
import { type ButtonKind, buttonClass } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';

export interface MenuChoice {
  readonly id: string;
  readonly label: ReactNode;
  /** At the end of the line, for example the time at which a pause ends. */
  readonly hint?: string;
  readonly onAction: () => void;
}

/** Without `children` the button shows only `icon`; `label` names button and menu. */
export function MenuButton(props: {
  label: string;
  choices: readonly MenuChoice[];
  icon?: IconName;
  kind?: ButtonKind;
  isSmall?: boolean;
  isDisabled?: boolean;
  children?: ReactNode;
}) {
  const { kind = 'plain', isSmall = false } = props;
  return (
    <MenuTrigger>
      <Button
        className={buttonClass({ kind, isSmall }, props.children === undefined)}
        aria-label={props.label}
        isDisabled={props.isDisabled ?? false}
      >
        {props.children}
        <Icon name={props.icon ?? 'open'} isSmall />
      </Button>
      <Popover className="menu-popover" placement="bottom end" offset={6}>
        <Menu className="menu" aria-label={props.label}>
          {props.choices.map((choice) => (
            <MenuItem key={choice.id} id={choice.id} className="menu-item" onAction={choice.onAction}>
              {choice.label}
              {choice.hint ? <span className="menu-hint">{choice.hint}</span> : null}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
