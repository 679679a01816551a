// The bookstore and the shop, with numbers that move when other people buy.

import { useState } from "preact/hooks";

import { Empty, Moving, Scroll } from "./Market.jsx";
import { Invitation } from "./OrderForm.jsx";
import { money, number } from "./format.js";
import { goods } from "./goods.js";
import { ask, idempotencyKey } from "./graph.js";
import { announce } from "./notices.js";
import { person } from "./person.js";
import { useStore } from "./store.js";

const PURCHASE = "mutation PurchaseBook($id: ID!, $key: String) { purchaseBook(id: $id, idempotencyKey: $key) { id price title } }";
const ORDER = `mutation PlaceShopOrder($input: ShopOrderInput!, $key: String) {
  placeShopOrder(input: $input, idempotencyKey: $key) { id quantity total product { name } }
}`;

async function buyBook({ id }) {
  const { purchaseBook: bought } = await ask(PURCHASE, { id, key: idempotencyKey() });
  return `Bought “${bought.title}” for ${money(bought.price)}.`;
}

async function orderProduct({ id }) {
  const input = { product: id, quantity: 1, date: new Date().toISOString().slice(0, 10) };
  const { placeShopOrder: order } = await ask(ORDER, { input, key: idempotencyKey() });
  return `Ordered ${order.quantity} ${order.product.name} for ${money(order.total)}.`;
}

export function Stores() {
  const { books, products, problem } = useStore(goods);
  const me = useStore(person);
  return (
    <div class="stores">
      {me === null && <div class="card wide-panel"><Invitation text="Sign in to buy books and to order products. The numbers move when other people buy." /></div>}
      <section class="panel card" aria-labelledby="books-title">
        <h2 id="books-title">Bookstore</h2>
        <Empty of={books} problem={problem} none="The bookstore has no book." />
        {books?.length > 0 && (
          <Goods items={books} may={Boolean(me)} action="Buy" act={buyBook} left={({ quantity }) => quantity} name={({ title, topic }) => <>{title}<small>{topic}</small></>} title={({ title }) => title} />
        )}
      </section>
      <section class="panel card" aria-labelledby="products-title">
        <h2 id="products-title">Shop</h2>
        <Empty of={products} problem={problem} none="The shop has no product." />
        {products?.length > 0 && (
          <Goods items={products} may={Boolean(me)} action="Order" act={orderProduct} left={({ available }) => available} name={({ name }) => name} title={({ name }) => name} />
        )}
      </section>
    </div>
  );
}

function Goods({ items, may, action, act, left, name, title }) {
  return (
    <Scroll label={action === "Buy" ? "Books" : "Products"}>
      <table class="list goods">
        <thead>
          <tr><th scope="col">Name</th><th scope="col" class="number">Price</th><th scope="col" class="number">Left</th>{may && <th scope="col"><span class="unseen">{action}</span></th>}</tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.id}>
              <th scope="row">{name(item)}</th>
              <td class="number">{money(item.price)}</td>
              <td class="number"><Moving value={left(item)}>{left(item) > 0 ? number(left(item)) : "sold out"}</Moving></td>
              {may && <td class="number"><Action item={item} action={action} act={act} title={title(item)} none={left(item) <= 0} /></td>}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Action({ item, action, act, title, none }) {
  const [waits, setWaits] = useState(false);
  async function attempt() {
    setWaits(true);
    try {
      announce(await act(item));
    } catch (error) {
      announce(error.message, "wrong");
    } finally {
      setWaits(false);
    }
  }
  return <button type="button" class="button small" disabled={waits || none} aria-label={`${action} ${title}`} onClick={attempt}>{action}</button>;
}
