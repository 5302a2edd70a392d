/** Finds text on a page that is cut off, leaves its card or the window, or lies over other text. */
import type { Page } from 'playwright';

/** Returns one line per faulty text, with what is wrong and by how many pixels; an empty list if all can be read. */
export function textFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const slackPx = 1.5;
    interface Piece {
      readonly node: Text;
      readonly parent: Element;
      readonly box: DOMRect;
    }
    const faults = new Set<string>();
    const pieces: Piece[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode as Text;
      const parent = node.parentElement;
      if (!parent || !node.data.trim() || !parent.checkVisibility({ visibilityProperty: true })) continue;
      // Texts for screen readers are clipped on purpose, so is the skip link until it has the focus, and so are the
      // words of a ribbon where they don't fit: they stand below it, too.
      if (parent.closest('.for-readers, .skip, .ribbon, select, script, style')) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) if (box.width > 0) pieces.push({ node, parent, box });
    }
    for (const { node, parent, box } of pieces) {
      const words = node.data.trim().slice(0, 48);
      const scrolls = (element: Element) => /auto|scroll/.test(getComputedStyle(element).overflowX);
      let inner: Element | null = parent;
      let isScrolled = false;
      while (inner && inner !== document.body) {
        const style = getComputedStyle(inner);
        const around = inner.getBoundingClientRect();
        if (scrolls(inner)) isScrolled = true;
        const isFrame = inner.matches('.card, .panel, .note, .btn, .tag, .dock, .tabbar, .seg, .modal');
        if (!isScrolled && (isFrame || style.overflowX === 'hidden')) {
          const over = Math.max(box.right - around.right, around.left - box.left);
          if (over > slackPx && style.textOverflow !== 'ellipsis') {
            faults.add(`${inner.className}: “${words}” is ${Math.round(over)} px too wide`);
          }
        }
        if (!isScrolled && (isFrame || style.overflowY === 'hidden')) {
          const over = Math.max(box.bottom - around.bottom, around.top - box.top);
          if (over > box.height / 3) {
            faults.add(`${inner.className}: “${words}” is ${Math.round(over)} px too high`);
          }
        }
        inner = inner.parentElement;
      }
      if (!isScrolled && (box.right > window.innerWidth + slackPx || box.left < -slackPx)) {
        faults.add(`window: “${words}” is ${Math.round(box.right - window.innerWidth)} px too wide`);
      }
    }
    const isFixed = (element: Element) =>
      element.closest('.tabbar, .phone-top, .side, [role=tooltip]') !== null;
    pieces.forEach((one, index) => {
      for (const other of pieces.slice(index + 1, index + 24)) {
        if (one.node === other.node || isFixed(one.parent) !== isFixed(other.parent)) continue;
        const width = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const height = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
        if (width > 2 && height > Math.min(one.box.height, other.box.height) * 0.4) {
          faults.add(
            `“${one.node.data.trim().slice(0, 32)}” lies over “${other.node.data.trim().slice(0, 32)}”`,
          );
        }
      }
    });
    return [...faults];
  });
}
