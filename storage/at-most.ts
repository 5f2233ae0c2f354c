/** The beginning of a list that a service tells in pages. */

/** What a page of a service holds at most. */
export const PAGE_OBJECTS = 1000;

/** What the pages hold, one after the other, and no more than so much of it; no page is asked for that is not needed. */
export async function* itemsOf<Page, Item>(
  pages: AsyncIterable<Page>,
  itemsIn: (page: Page) => Item[],
  atMost = Infinity,
): AsyncGenerator<Item> {
  let told = 0;
  for await (const page of pages) {
    for (const item of itemsIn(page)) {
      yield item;
      told += 1;
      if (told >= atMost) return;
    }
  }
}
