// The bookstore and the shop. The server says which books and products changed, and the page reads them again.

import { ask, follow, onSubscribed } from "./graph.js";
import { store } from "./store.js";

const GOODS = `query Goods {
  books(first: 100) { nodes { id title topic price quantity } }
  products(first: 100) { nodes { id name price available } }
}`;
const INVALIDATED = 'subscription GoodsInvalidated { cacheInvalidated(typenames: ["Book", "Product"]) { typename key } }';
const TOGETHER_MS = 150;

/** Both lists are null until they have arrived. `moved` has the ids whose numbers just changed. */
export const goods = store({ books: null, products: null, moved: new Set(), problem: "" });

export function startGoods() {
  load();
  onSubscribed(load);
  // Changes in quick succession cost one request.
  follow(INVALIDATED, {}, soon);
}

let timer = null;
function soon() {
  timer ??= setTimeout(() => {
    timer = null;
    load();
  }, TOGETHER_MS);
}

async function load() {
  try {
    const { books, products } = await ask(GOODS);
    goods.update((now) => ({
      books: books.nodes,
      products: products.nodes,
      moved: new Set([...movedIds(now.books, books.nodes, "quantity"), ...movedIds(now.products, products.nodes, "available")]),
      problem: "",
    }));
  } catch (error) {
    goods.update({ problem: error.message });
    setTimeout(soon, 3000);
  }
}

function movedIds(before, after, member) {
  const known = new Map(before?.map((item) => [item.id, item[member]]));
  return after.filter((item) => known.has(item.id) && known.get(item.id) !== item[member]).map(({ id }) => id);
}
