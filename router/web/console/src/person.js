// The signed-in person: wallet, holdings, orders and the number of unread messages.

import { onSessionChange, session } from "../../src/session.js";
import { ask, follow, onSubscribed } from "./graph.js";
import { onStockChange } from "./market.js";
import { announce } from "./notices.js";
import { store } from "./store.js";

const ORDER = "id side status quantity automated price limitPrice placedAt stock { id name }";
const ME = `query Me {
  me {
    id username displayName role karma unreadCount
    wallet { balance committed held }
    holdings(first: 50) { nodes { id free committed held stock { id name } } }
    brokerageOrders(first: 10) { nodes { ${ORDER} } }
    authorizations(active: true, first: 50) {
      nodes { id kind remaining remainingShares investor { username } broker { id } stock { id name } }
    }
  }
}`;
const ORDER_CHANGED = `subscription OrderChanged { orderChanged { ${ORDER} } }`;
const NEW_MESSAGE = "subscription NewMessage { newMessage { id contents from { username } } }";

/** The person; null without a sign-in, undefined until the first answer. */
export const person = store(undefined);

const messages = new Set();
export const onMessage = (listener) => messages.add(listener);

let follows = [];

export function startPerson() {
  change();
  onSubscribed(loadPerson);
  let username = session()?.username;
  onSessionChange(() => {
    if (session()?.username !== username) change();
    username = session()?.username;
  });
  // A trade moved shares at the exchange, and perhaps the person's.
  onStockChange(({ stock, before }) => {
    const holds = person.get()?.holdings?.nodes.some((holding) => holding.stock.id === stock.id);
    if (holds && before && before.quantity !== stock.quantity) loadPerson();
  });
}

function change() {
  for (const stop of follows) stop();
  follows = [];
  if (!session()) return person.set(null);
  person.set(undefined);
  loadPerson();
  follows = [follow(ORDER_CHANGED, {}, changed), follow(NEW_MESSAGE, {}, arrived)];
}

export async function loadPerson() {
  const asked = session()?.username;
  try {
    const { me } = await ask(ME);
    if (session()?.username === asked) person.set(me);
  } catch (error) {
    if (person.get() === undefined) announce(error.message, "wrong");
  }
}

function changed({ orderChanged: order }) {
  const before = person.get()?.brokerageOrders?.nodes.find(({ id }) => id === order.id);
  // An order of this page was announced when it was answered.
  if (before?.status === "PENDING" && order.status === "COMPLETED") {
    announce(`Order executed: ${order.side === "BUY" ? "bought" : "sold"} ${order.quantity} ${order.stock.name}.`);
  }
  loadPerson();
}

function arrived({ newMessage }) {
  announce(`New message from ${newMessage.from.username}.`);
  loadPerson();
  for (const listener of messages) listener();
}
