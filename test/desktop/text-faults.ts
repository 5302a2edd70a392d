/** Finds text on a page that is cut off, leaves its card or the window, or lies over other text. */
import type { Page } from 'playwright';

/** Returns one line per faulty text, with what is wrong and by how many pixels; an empty list if all can be read. */
export function textFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const slackPx = 1.5;
    interface Piece {
      readonly node: Text;
      readonly parent: Element;
      /** Lies over the page, which scrolls below it. */
      readonly isFixed: boolean;
      readonly box: DOMRect;
    }
    interface Frame {
      readonly box: DOMRect;
      readonly scrolls: boolean;
      readonly clipsX: boolean;
      readonly clipsY: boolean;
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
      const isFixed = parent.closest('.tabbar, .phone-top, .side, [role=tooltip]') !== null;
      for (const box of range.getClientRects())
        if (box.width > 0) pieces.push({ node, parent, isFixed, box });
    }
    const frames = new Map<Element, Frame>();
    /** Reads each element once, since it is around many texts. */
    const frameOf = (element: Element): Frame => {
      const known = frames.get(element);
      if (known) return known;
      const { overflowX, overflowY, textOverflow } = getComputedStyle(element);
      const isFrame = element.matches('.card, .panel, .note, .btn, .tag, .dock, .tabbar, .seg, .modal');
      const frame = {
        box: element.getBoundingClientRect(),
        scrolls: /auto|scroll/.test(overflowX),
        clipsX: (isFrame || overflowX === 'hidden') && textOverflow !== 'ellipsis',
        clipsY: isFrame || overflowY === 'hidden',
      };
      frames.set(element, frame);
      return frame;
    };
    for (const { node, parent, box } of pieces) {
      const words = node.data.trim().slice(0, 48);
      let inner: Element | null = parent;
      let isScrolled = false;
      while (inner && inner !== document.body) {
        const { scrolls, clipsX, clipsY, box: around } = frameOf(inner);
        if (scrolls) isScrolled = true;
        if (!isScrolled && clipsX) {
          const over = Math.max(box.right - around.right, around.left - box.left);
          if (over > slackPx) faults.add(`${inner.className}: “${words}” is ${Math.round(over)} px too wide`);
        }
        if (!isScrolled && clipsY) {
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
    pieces.forEach((one, index) => {
      for (const other of pieces.slice(index + 1, index + 24)) {
        if (one.node === other.node || one.isFixed !== other.isFixed) continue;
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
