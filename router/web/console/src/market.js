// The exchange: stocks with the prices that this page saw, and the newest trades.

import { ask, follow, onSubscribed } from "./graph.js";
import { store } from "./store.js";

const STOCK = "id name price open high low quantity volume updatedAt";
const STOCKS = `query Stocks { stocks(first: 100) { nodes { ${STOCK} } } }`;
const STOCK_CHANGED = `subscription StockChanged { stockChanged { ${STOCK} } }`;
const TRADE = "number side quantity price at stock { name }";
const NEWEST_TRADES = `query NewestTrades { exchangeOrders(last: 20) { nodes { ${TRADE} } } }`;
const LATER_TRADES = `query LaterTrades($after: Int!) { exchangeOrders(afterNumber: $after, first: 100) { nodes { ${TRADE} } } }`;

const TRADES_SHOWN = 20;
const POINTS_MAX = 600;
const PRICES_KEY = "agora:prices";

/**
 * `stocks` is null until they have arrived, then a list of the graph's stocks. `prices` has the points `[ms, price]` of each
 * by its name, oldest first. `trades` are the newest trades, newest first.
 */
export const market = store({ stocks: null, prices: storedPrices(), trades: null, problem: "" });

/** Each change of a stock: `{ stock, before }`. */
const changes = new Set();
export const onStockChange = (listener) => changes.add(listener);

export function startMarket() {
  load();
  onSubscribed(load);
  follow(STOCK_CHANGED, {}, ({ stockChanged }) => apply(stockChanged));
  addEventListener("pagehide", storePrices);
}

async function load() {
  try {
    const [{ stocks }, { exchangeOrders }] = await Promise.all([ask(STOCKS), ask(NEWEST_TRADES)]);
    market.update((now) => ({
      ...now,
      problem: "",
      stocks: stocks.nodes,
      prices: stocks.nodes.reduce(withPoint, now.prices),
      trades: exchangeOrders.nodes.toReversed(),
    }));
  } catch (error) {
    market.update({ problem: error.message });
    setTimeout(load, 3000);
  }
}

function apply(stock) {
  const before = market.get().stocks?.find(({ id }) => id === stock.id);
  market.update((now) => ({
    ...now,
    stocks: now.stocks && (before ? now.stocks.map((known) => (known.id === stock.id ? stock : known)) : [...now.stocks, stock]),
    prices: withPoint(now.prices, stock),
  }));
  for (const listener of changes) listener({ stock, before });
  // A trade changes the shares that the exchange has, and a price of its own does not.
  if (before && before.quantity !== stock.quantity) loadLaterTrades();
}

let loading = null;
async function loadLaterTrades() {
  if (loading) return loading.again();
  let again = true;
  loading = { again: () => (again = true) };
  try {
    while (again) {
      again = false;
      const { exchangeOrders } = await ask(LATER_TRADES, { after: market.get().trades?.[0]?.number ?? -1 });
      market.update((now) => ({ ...now, trades: [...exchangeOrders.nodes.toReversed(), ...(now.trades ?? [])].slice(0, TRADES_SHOWN) }));
    }
  } catch {
    // The next trade, or the next connection, loads them.
  } finally {
    loading = null;
  }
}

function withPoint(prices, { name, price, updatedAt }) {
  const points = prices[name] ?? [];
  const point = [Date.parse(updatedAt), Number(price.amount)];
  const last = points.at(-1);
  if (last && last[1] === point[1]) return prices;
  return { ...prices, [name]: [...points, point].slice(-POINTS_MAX) };
}

/** Returns by how many percent the price of a stock differs from the price with which its day began. */
export function changeOfDay({ price, open }) {
  return (Number(price.amount) / Number(open.amount) - 1) * 100;
}

/** The prices that this browser tab saw before the page was loaded again. */
function storedPrices() {
  try {
    const { at, prices } = JSON.parse(sessionStorage.getItem(PRICES_KEY));
    return Date.now() - at < 60 * 60_000 ? prices : {};
  } catch {
    return {};
  }
}

function storePrices() {
  sessionStorage.setItem(PRICES_KEY, JSON.stringify({ at: Date.now(), prices: market.get().prices }));
}
