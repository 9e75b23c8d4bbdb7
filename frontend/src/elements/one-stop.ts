/** Makes many controls one stop of the Tab key: arrows move among them, Home and End to the ends. */

type Stop = HTMLElement | SVGElement;

/** Leave one of the `items` to the Tab key: the focused one, else the one before, else the first. */
export function keepOneStop(items: readonly Stop[]): void {
  const focused = items.find((item) => item === document.activeElement);
  const now = focused ?? items.find((item) => item.dataset.stop !== undefined) ?? items[0];
  for (const item of items) {
    item.tabIndex = item === now ? 0 : -1;
    if (item === now) item.dataset.stop = '';
    else delete item.dataset.stop;
  }
}

/** Move the focus among the `items` if a key says so; returns whether it did. */
export function moveAmong(items: readonly Stop[], event: KeyboardEvent): boolean {
  const index = items.indexOf(event.target as Stop);
  const next = index < 0 ? undefined : itemAfter(items, index, event.key);
  if (!next) return false;
  event.preventDefault();
  next.focus();
  keepOneStop(items);
  return true;
}

function itemAfter(items: readonly Stop[], index: number, key: string) {
  switch (key) {
    case 'ArrowLeft':
      return items[index - 1];
    case 'ArrowRight':
      return items[index + 1];
    case 'ArrowUp':
      return nearestLine(items.slice(0, index).reverse(), items[index]);
    case 'ArrowDown':
      return nearestLine(items.slice(index + 1), items[index]);
    case 'Home':
      return items[0];
    case 'End':
      return items.at(-1);
    default:
      return undefined;
  }
}

/** Of the items in the nearest other line, the one that stands nearest. */
function nearestLine(others: readonly Stop[], from: Stop | undefined) {
  const now = from?.getBoundingClientRect();
  if (!now) return undefined;
  const boxes = others.map((item) => ({ item, box: item.getBoundingClientRect() }));
  const line = boxes.find(({ box }) => Math.abs(box.top - now.top) > now.height / 2)?.box.top;
  const away = ({ box }: { box: DOMRect }) => Math.abs(box.left - now.left);
  return boxes
    .filter(({ box }) => box.top === line)
    .sort((a, b) => away(a) - away(b))
    .at(0)?.item;
}
