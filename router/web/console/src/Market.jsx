// Stocks with their prices, the chart of one of them, the newest trades, and what the signed-in person can do with them.

import { useEffect, useState } from "preact/hooks";

import { Chart, Sparkline } from "./Chart.jsx";
import { OrderForm } from "./OrderForm.jsx";
import { Holdings, Orders } from "./Portfolio.jsx";
import { dollars, money, number, percent, time } from "./format.js";
import { changeOfDay, market } from "./market.js";
import { useStore } from "./store.js";

export function Market() {
  const { stocks, prices, trades, problem } = useStore(market);
  const [chosen, choose] = useState(null);
  const stock = stocks?.find(({ id }) => id === chosen) ?? stocks?.[0];
  return (
    <div class="market">
      <section class="panel card stocks" aria-labelledby="stocks-title">
        <h2 id="stocks-title">Stocks</h2>
        <Empty of={stocks} problem={problem} none="No stock is listed." />
        {stocks?.length > 0 && <Stocks stocks={stocks} prices={prices} chosen={stock} choose={choose} />}
      </section>
      <section class="panel card quote" aria-labelledby="quote-title">
        {stock ? <Quote stock={stock} points={prices[stock.name] ?? []} /> : <h2 id="quote-title">Price</h2>}
      </section>
      <OrderForm stocks={stocks} stock={stock} choose={choose} />
      <section class="panel card trades" aria-labelledby="trades-title">
        <h2 id="trades-title">Newest trades</h2>
        <Empty of={trades} problem={problem} none="There is no trade yet. Place an order, and it appears here." />
        {trades?.length > 0 && <Trades trades={trades} />}
      </section>
      <Orders />
      <Holdings stocks={stocks} />
    </div>
  );
}

/** A sentence in the place of a list that has not arrived, or that is empty. */
export function Empty({ of, problem, none }) {
  if (of === null && problem) return <p class="empty bad">{problem} The page tries again.</p>;
  if (of === null || of === undefined) return <p class="empty">Loading…</p>;
  return of.length === 0 ? <p class="empty">{none}</p> : null;
}

function Stocks({ stocks, prices, chosen, choose }) {
  return (
    <div class="scroll">
      <table class="list">
        <thead>
          <tr><th scope="col">Name</th><th scope="col" class="wide">Trend</th><th scope="col" class="number">Price</th><th scope="col" class="number">Today</th><th scope="col" class="number">Left</th></tr>
        </thead>
        <tbody>
          {stocks.map((stock) => (
            <tr key={stock.id} class={stock === chosen ? "chosen" : ""} onClick={() => choose(stock.id)}>
              <th scope="row"><button type="button" class="link" aria-pressed={stock === chosen}>{stock.name}</button></th>
              <td class="wide"><Sparkline points={prices[stock.name] ?? []} /></td>
              <td class="number"><Moving value={stock.price.amount}>{money(stock.price)}</Moving></td>
              <td class="number"><Change change={changeOfDay(stock)} /></td>
              <td class="number"><Moving value={stock.quantity}>{number(stock.quantity)}</Moving></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A part that scrolls by itself where it is too large; the keyboard scrolls what it can focus. */
export function Scroll({ label, tall, children }) {
  return <div class={tall ? "scroll tall" : "scroll"} tabIndex={0} role="group" aria-label={label}>{children}</div>;
}

/** A value that lights up when it changes. The key makes it a new element, whose animation begins again. */
export function Moving({ value, children }) {
  const [first] = useState(value);
  return <span key={value} class={value === first ? "" : "moved"}>{children}</span>;
}

function Change({ change }) {
  const direction = Math.abs(change) < 0.005 ? "" : change > 0 ? "good" : "bad";
  return <span class={direction}>{percent(Math.abs(change) < 0.005 ? 0 : change)}</span>;
}

function Quote({ stock, points }) {
  const tall = useMedia("(min-width: 76rem)");
  const facts = [["Open", stock.open], ["High", stock.high], ["Low", stock.low]];
  return (
    <>
      <div class="quote-head">
        <div>
          <h2 id="quote-title">{stock.name}</h2>
          <p class="quote-price"><b>{money(stock.price)}</b> <Change change={changeOfDay(stock)} /> <span class="soft">today</span></p>
        </div>
        <dl class="facts">
          {facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{money(value)}</dd></div>)}
          <div><dt>Volume</dt><dd>{number(stock.volume)}</dd></div>
        </dl>
      </div>
      <Chart key={stock.id} points={points} level={Number(stock.open.amount)} write={dollars} height={tall ? 352 : 230} windowMs={300_000} label={`Price of ${stock.name} in the last five minutes`} />
      <p class="caption">The last five minutes, as this page saw them. Dashed: the price at the beginning of the day.</p>
    </>
  );
}

function useMedia(query) {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const change = () => setMatches(media.matches);
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, [query]);
  return matches;
}

function Trades({ trades }) {
  return (
    <Scroll label="Newest trades" tall>
      <table class="list">
        <thead>
          <tr><th scope="col" class="number wide">No.</th><th scope="col">Stock</th><th scope="col">Side</th><th scope="col" class="number">Shares</th><th scope="col" class="number">Price</th><th scope="col" class="number">Time</th></tr>
        </thead>
        <tbody>
          {trades.map(({ number: id, stock, side, quantity, price, at }) => (
            <tr key={id}>
              <td class="number soft wide">{id}</td><th scope="row">{stock.name}</th><td><Side side={side} /></td>
              <td class="number">{number(quantity)}</td><td class="number">{money(price)}</td><td class="number soft">{time(at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function Side({ side }) {
  return <span class={`side ${side === "BUY" ? "good" : "bad"}`}>{side === "BUY" ? "Buy" : "Sell"}</span>;
}
