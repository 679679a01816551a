// Places an order: an investor's own, or a broker's under an authorization.

import { useRef, useState } from "preact/hooks";

import { SignIn } from "./Header.jsx";
import { dollars, money } from "./format.js";
import { ask, idempotencyKey } from "./graph.js";
import { announce } from "./notices.js";
import { loadPerson, person } from "./person.js";
import { useStore } from "./store.js";

const PLACE = `mutation PlaceOrder($input: PlaceOrderInput!, $key: String) {
  placeOrder(input: $input, idempotencyKey: $key) { id status side quantity price limitPrice stock { name } }
}`;

export function OrderForm(props) {
  const me = useStore(person);
  return (
    <section class="panel card order" aria-labelledby="order-title">
      <h2 id="order-title">Place an order</h2>
      {me === undefined && <p class="empty">Loading…</p>}
      {me === null && <Invitation text="Sign in as an investor (in the demo, ada) to buy and sell shares." />}
      {me && me.role === "MEMBER" && <Invitation text={`${me.username} is no investor. In the demo, ada is.`} label="Sign in as another person" />}
      {me && me.role !== "MEMBER" && props.stock && <Form me={me} {...props} />}
    </section>
  );
}

export function Invitation({ text, label = "Sign in" }) {
  return <div class="empty invitation"><p>{text}</p><SignIn label={label} /></div>;
}

function Form({ me, stocks, stock, choose }) {
  const isBroker = me.role === "BROKER";
  const [side, setSide] = useState("BUY");
  const [quantity, setQuantity] = useState("1");
  const [limited, setLimited] = useState(false);
  const [limit, setLimit] = useState("");
  const [authorization, setAuthorization] = useState("");
  const [problem, setProblem] = useState("");
  const [waits, setWaits] = useState(false);
  // Until an attempt was answered, it keeps its key: a second click does not place a second order.
  const key = useRef(null);
  const usable = (me.authorizations?.nodes ?? []).filter(
    ({ kind, broker, stock: lent }) => broker.id === me.id && (side === "BUY" ? kind === "CAPITAL" : kind === "STOCK_HOLDING" && lent?.id === stock.id),
  );
  const used = usable.find(({ id }) => id === authorization) ?? usable[0];
  const holding = me.holdings?.nodes.find((known) => known.stock.id === stock.id);
  const price = limited ? Number(limit) || 0 : Number(stock.price.amount);

  async function submit(event) {
    event.preventDefault();
    const input = {
      side,
      stock: stock.id,
      quantity: Number(quantity),
      ...(limited && { automated: true, limitPrice: { amount: limit, currency: stock.price.currency } }),
      ...(isBroker && { authorization: used?.id }),
    };
    const attempt = JSON.stringify(input);
    if (key.current?.attempt !== attempt) key.current = { attempt, key: idempotencyKey() };
    setWaits(true);
    setProblem("");
    try {
      const { placeOrder: order } = await ask(PLACE, { input, key: key.current.key });
      key.current = null;
      announce(told(order));
      await loadPerson();
    } catch (error) {
      if (error.code) key.current = null;
      setProblem(error.message);
    } finally {
      setWaits(false);
    }
  }

  return (
    <form class="stack" onSubmit={submit}>
      <fieldset class="segments">
        <legend class="unseen">Side</legend>
        {["BUY", "SELL"].map((value) => (
          <label key={value}><input type="radio" name="side" value={value} checked={side === value} onChange={() => setSide(value)} /><span>{value === "BUY" ? "Buy" : "Sell"}</span></label>
        ))}
      </fieldset>
      <label class="field">Stock
        <select value={stock.id} onChange={(event) => choose(event.currentTarget.value)}>
          {stocks.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
        </select>
      </label>
      <label class="field">Shares
        <input type="number" inputMode="numeric" min="1" max="2147483647" step="1" required value={quantity} onInput={(event) => setQuantity(event.currentTarget.value)} />
      </label>
      {isBroker ? (
        <label class="field">Under the authorization of
          <select value={used?.id ?? ""} onChange={(event) => setAuthorization(event.currentTarget.value)} required>
            {usable.map(({ id, investor, remaining, remainingShares }) => (
              <option key={id} value={id}>{investor.username}: {remaining ? money(remaining) : `${remainingShares} shares`}</option>
            ))}
            {usable.length === 0 && <option value="">no investor, for such an order</option>}
          </select>
        </label>
      ) : (
        <>
          <label class="check"><input type="checkbox" checked={limited} onChange={(event) => setLimited(event.currentTarget.checked)} />Wait for a price</label>
          {limited && (
            <label class="field">{side === "BUY" ? "At most, per share" : "At least, per share"}
              <input inputMode="decimal" pattern="\d+(\.\d{1,2})?" title="An amount such as 15.50" required placeholder={stock.price.amount} value={limit} onInput={(event) => setLimit(event.currentTarget.value)} />
            </label>
          )}
        </>
      )}
      <dl class="sum">
        <div><dt>{limited ? "At the limit" : "At the current price"}</dt><dd>{dollars(price * (Number(quantity) || 0))}</dd></div>
        {!isBroker && <div><dt>Free cash</dt><dd>{money(me.wallet?.balance)}</dd></div>}
        {!isBroker && <div><dt>Free shares</dt><dd>{holding?.free ?? 0}</dd></div>}
      </dl>
      {problem && <p class="notice wrong" role="alert">{problem}</p>}
      <button type="submit" class="button loud" disabled={waits || (isBroker && !used)}>{side === "BUY" ? "Buy" : "Sell"} {stock.name}</button>
    </form>
  );
}

function told({ status, side, quantity, price, limitPrice, stock }) {
  const shares = `${quantity} ${stock.name}`;
  if (status === "PENDING") return `Order placed: it waits until ${stock.name} costs ${money(limitPrice)}.`;
  return `${side === "BUY" ? "Bought" : "Sold"} ${shares} at ${money(price)}.`;
}
