// The types of `graphql-codegen` (client preset): books are read and bought, an order is placed, read and cancelled.
//
// Only generated types are used. AGORA_URL is the address of a demo server.

import { deepStrictEqual as equal, ok } from "node:assert/strict";

import { graphql } from "../generated/graphql-codegen/gql.js";
import { OrderStatus, Side, type TypedDocumentString } from "../generated/graphql-codegen/graphql.js";
import { PASSWORD, scenarios, server } from "./scenarios.js";

const SignIn = graphql(`
  mutation SignIn($login: String!, $password: String!) {
    login(login: $login, password: $password) { token }
  }
`);
const Books = graphql(`
  query Books($topic: String!) {
    books(topic: $topic, first: 1) { nodes { id title price quantity } }
  }
`);
const Purchase = graphql(`
  mutation Purchase($id: ID!, $key: String!) {
    purchaseBook(id: $id, idempotencyKey: $key) { id at price book { id quantity } }
  }
`);
const PlaceOrder = graphql(`
  mutation PlaceOrder($input: PlaceOrderInput!) {
    placeOrder(input: $input) { id status limitPrice }
  }
`);
const Order = graphql(`
  query Order($id: ID!) {
    brokerageOrder(id: $id) { id status limitPrice }
  }
`);
const Cancel = graphql(`
  mutation Cancel($id: ID!) {
    cancelOrder(id: $id) { id status }
  }
`);
const Stock = graphql(`
  query Stock($name: String!) {
    stock(name: $name) { id price }
  }
`);

/** Sends an operation and returns its data; any error fails. */
async function send<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  token?: string,
): Promise<Data> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (token !== undefined) {
    headers["Authorization"] = `Bearer ${token}`;
  }
  const body = JSON.stringify({ query: document.toString(), variables });
  const response = await fetch(`${server}/graphql`, { method: "POST", headers, body });
  const answer = (await response.json()) as { data?: Data; errors?: unknown };
  ok(answer.data !== undefined && answer.errors === undefined, JSON.stringify(answer));
  return answer.data;
}

await scenarios("graphql-codegen", {
  async graph() {
    const { token } = (await send(SignIn, { login: "ada", password: PASSWORD })).login;

    const [book] = (await send(Books, { topic: "distributed systems" })).books.nodes;
    ok(book);
    const { purchaseBook } = await send(Purchase, { id: book.id, key: "graphql-codegen" }, token);
    equal(purchaseBook.price, book.price);
    equal(purchaseBook.book, { id: book.id, quantity: book.quantity - 1 });
    ok(!Number.isNaN(Date.parse(purchaseBook.at)));

    const { stock } = await send(Stock, { name: "BoarCo" });
    ok(stock);
    const limitPrice = { amount: "1.00", currency: stock.price.currency };
    const input = { stock: stock.id, side: Side.Buy, quantity: 1, automated: true, limitPrice };
    const { placeOrder } = await send(PlaceOrder, { input }, token);
    equal(placeOrder, { id: placeOrder.id, status: OrderStatus.Pending, limitPrice });
    equal((await send(Order, { id: placeOrder.id }, token)).brokerageOrder, placeOrder);
    const { cancelOrder } = await send(Cancel, { id: placeOrder.id }, token);
    equal(cancelOrder, { id: placeOrder.id, status: OrderStatus.Cancelled });
  },
});
