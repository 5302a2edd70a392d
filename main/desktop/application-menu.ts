/** The menu bar of macOS, where shortcuts such as Cmd+C exist only as items of it. Pure, so that tests can check it. */
import type { MenuItemConstructorOptions } from 'electron';
import { type Language, type StringKey, text } from '../../shared/strings/index.ts';
import type { WindowMemory } from './window-memory.ts';

export interface MenuActions {
  readonly zoom: WindowMemory['zoom'];
  readonly openWindow: () => void;
}

type Role = NonNullable<MenuItemConstructorOptions['role']>;

/** Roles with their labels. The system adds the usual shortcuts. */
export function applicationMenu(language: Language, actions: MenuActions): MenuItemConstructorOptions[] {
  const label = (key: StringKey) => text(language, key);
  const item = (role: Role, key: StringKey): MenuItemConstructorOptions => ({ role, label: label(key) });
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const zoom = (to: Parameters<WindowMemory['zoom']>[0], key: StringKey, accelerator: string) => ({
    label: label(key),
    accelerator,
    click: () => actions.zoom(to),
  });
  return [
    {
      label: 'Idlewatt',
      submenu: [
        item('about', 'menu.about'),
        separator,
        item('services', 'menu.services'),
        separator,
        item('hide', 'menu.hide'),
        item('hideOthers', 'menu.hideOthers'),
        item('unhide', 'menu.showAll'),
        separator,
        item('quit', 'tray.quit'),
      ],
    },
    {
      label: label('menu.edit'),
      submenu: [
        item('undo', 'menu.undo'),
        item('redo', 'menu.redo'),
        separator,
        item('cut', 'menu.cut'),
        item('copy', 'menu.copy'),
        item('paste', 'menu.paste'),
        item('selectAll', 'menu.selectAll'),
      ],
    },
    {
      label: label('menu.view'),
      submenu: [
        item('reload', 'menu.reload'),
        separator,
        zoom('reset', 'menu.actualSize', 'CmdOrCtrl+0'),
        zoom('in', 'menu.zoomIn', 'CmdOrCtrl+Plus'),
        zoom('out', 'menu.zoomOut', 'CmdOrCtrl+-'),
        separator,
        item('togglefullscreen', 'menu.fullScreen'),
      ],
    },
    {
      label: label('menu.window'),
      role: 'windowMenu',
      submenu: [
        item('minimize', 'menu.minimize'),
        item('zoom', 'menu.zoomWindow'),
        item('close', 'menu.close'),
        separator,
        { label: label('tray.open'), click: actions.openWindow },
        item('front', 'menu.front'),
      ],
    },
  ];
}
