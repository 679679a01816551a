// The orders and the shares of the signed-in person.

import { useState } from "preact/hooks";

import { Empty, Scroll, Side } from "./Market.jsx";
import { dollars, money, number, time } from "./format.js";
import { ask } from "./graph.js";
import { announce } from "./notices.js";
import { loadPerson, person } from "./person.js";
import { useStore } from "./store.js";

const CANCEL = "mutation CancelOrder($id: ID!) { cancelOrder(id: $id) { id status } }";
const STATUSES = { PENDING: "waiting", COMPLETED: "executed", CANCELLED: "cancelled" };

export function Orders() {
  const me = useStore(person);
  const orders = me?.brokerageOrders?.nodes ?? [];
  if (!me || me.role === "MEMBER") return null;
  return (
    <section class="panel card orders" aria-labelledby="orders-title">
      <h2 id="orders-title">My orders</h2>
      <Empty of={orders} none="No order yet." />
      {orders.length > 0 && (
        <Scroll label="My orders" tall>
          <table class="list">
            <thead>
              <tr><th scope="col">Stock</th><th scope="col">Side</th><th scope="col" class="number">Shares</th><th scope="col" class="number">Price</th><th scope="col">Status</th><th scope="col" class="number wide">Time</th></tr>
            </thead>
            <tbody>{orders.map((order) => <Order key={order.id} order={order} />)}</tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

function Order({ order: { id, stock, side, quantity, price, limitPrice, status, placedAt } }) {
  const [waits, setWaits] = useState(false);
  async function cancel() {
    setWaits(true);
    try {
      await ask(CANCEL, { id });
      announce(`Order of ${quantity} ${stock.name} cancelled.`);
      await loadPerson();
    } catch (error) {
      announce(error.message, "wrong");
    } finally {
      setWaits(false);
    }
  }
  return (
    <tr>
      <th scope="row">{stock.name}</th><td><Side side={side} /></td><td class="number">{number(quantity)}</td>
      <td class="number">{price ? money(price) : <><span class="soft">{side === "BUY" ? "≤" : "≥"}</span> {money(limitPrice)}</>}</td>
      <td>
        <span class={`status ${status.toLowerCase()}`}>{STATUSES[status]}</span>
        {status === "PENDING" && <button type="button" class="link" disabled={waits} aria-label={`Cancel the order of ${quantity} ${stock.name}`} onClick={cancel}>cancel</button>}
      </td>
      <td class="number soft wide">{time(placedAt)}</td>
    </tr>
  );
}

export function Holdings({ stocks }) {
  const me = useStore(person);
  const holdings = (me?.holdings?.nodes ?? []).filter(({ free, committed, held }) => free + committed + held > 0);
  if (!me || me.role === "MEMBER") return null;
  const prices = new Map(stocks?.map(({ id, price }) => [id, Number(price.amount)]));
  return (
    <section class="panel card holdings" aria-labelledby="holdings-title">
      <h2 id="holdings-title">My shares and money</h2>
      {me.wallet && (
        <dl class="facts">
          {[["Free", me.wallet.balance], ["For brokers", me.wallet.committed], ["Reserved", me.wallet.held]].map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{money(value)}</dd></div>)}
        </dl>
      )}
      <Empty of={holdings} none="No shares yet." />
      {holdings.length > 0 && (
        <Scroll label="My shares">
          <table class="list">
            <thead>
              <tr><th scope="col">Stock</th><th scope="col" class="number">Shares</th><th scope="col" class="number">Value</th></tr>
            </thead>
            <tbody>
              {holdings.map(({ id, stock, free, committed, held }) => (
                <tr key={id}>
                  <th scope="row">{stock.name}<small>{notFree(committed, held)}</small></th>
                  <td class="number">{number(free + committed + held)}</td>
                  <td class="number">{dollars((free + committed + held) * (prices.get(stock.id) ?? 0))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

/** Names the shares that cannot be sold now. */
function notFree(committed, held) {
  return [committed > 0 && `${number(committed)} for brokers`, held > 0 && `${number(held)} reserved`].filter(Boolean).join(", ");
}
