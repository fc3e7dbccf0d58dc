/** Lists that the server gives in pages, to their end. */

const PAGE = 100;

/**
 * @param {(list: string) => Promise<any>} get answers a page
 * @param {string} list its path and query, up to the next parameter
 * @returns {Promise<any[] | null>} null: no answer
 */
export async function whole(get, list) {
  const items = [];
  for (let cursor = ""; cursor !== null; ) {
    const answer = await get(`${list}limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    if (!answer.ok) return null;
    items.push(...answer.body.items);
    cursor = answer.body.next_cursor;
  }
  return items;
}
