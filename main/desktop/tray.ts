/** The icon in the tray and its menu, which show the last view. */
import { join } from 'node:path';
import { Menu, type MenuItemConstructorOptions, nativeImage, Tray } from 'electron';
import { assertNever } from '../../shared/assert.ts';
import type { TrayAction, TrayItem, TrayView } from './tray-menu.ts';

export interface TrayIconOnScreen {
  show(view: TrayView): void;
  /** The view and the native menu that are shown now. */
  current(): { view: TrayView; menu: Menu };
}

export function createTray(options: {
  readonly appFolder: string;
  readonly first: TrayView;
  readonly act: (action: TrayAction) => void;
}): TrayIconOnScreen {
  // macOS colors images with this name as the menu bar's text.
  const suffix = process.platform === 'darwin' ? 'Template' : '';
  const image = (icon: string) =>
    nativeImage.createFromPath(join(options.appFolder, `resources/icons/tray-${icon}${suffix}.png`));
  let view = options.first;
  let menu = Menu.buildFromTemplate(template(view.items, options.act));
  const tray = new Tray(image(view.icon));
  const apply = () => {
    tray.setImage(image(view.icon));
    tray.setToolTip(`Idlewatt: ${view.sentence}`);
    menu = Menu.buildFromTemplate(template(view.items, options.act));
    tray.setContextMenu(menu);
  };
  apply();
  // On systems where a click doesn't open the menu, it opens the window.
  tray.on('click', () => options.act({ type: 'open' }));

  return {
    show(next) {
      // An open menu closes when it is replaced, so an equal one is left alone.
      if (JSON.stringify(next) === JSON.stringify(view)) return;
      view = next;
      apply();
    },
    current: () => ({ view, menu }),
  };
}

function template(
  items: readonly TrayItem[],
  act: (action: TrayAction) => void,
): MenuItemConstructorOptions[] {
  return items.map((item): MenuItemConstructorOptions => {
    switch (item.kind) {
      case 'text':
        return { label: item.label, enabled: false };
      case 'separator':
        return { type: 'separator' };
      case 'action':
        return { label: item.label, click: () => act(item.action) };
      case 'menu':
        return { label: item.label, submenu: template(item.items, act) };
      default:
        return assertNever(item);
    }
  });
}
