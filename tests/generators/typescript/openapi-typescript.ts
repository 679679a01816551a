// The types of `openapi-typescript`, used through `openapi-fetch`: each mount's main job, then an error.
//
// Only generated types are used. AGORA_URL is the address of a demo server.

import { deepStrictEqual as equal, ok } from "node:assert/strict";

import createClient from "openapi-fetch";

import type { paths as Bazaar } from "../generated/openapi-typescript/bazaar.js";
import type { paths as Bookstore } from "../generated/openapi-typescript/bookstore.js";
import type { paths as Brokerage } from "../generated/openapi-typescript/brokerage.js";
import type { paths as Community } from "../generated/openapi-typescript/community.js";
import type { paths as Shop } from "../generated/openapi-typescript/shop.js";
import { PASSWORD, scenarios, server } from "./scenarios.js";

const NAME = "openapi-typescript";

/** Returns the body of a response that has to be a success. */
async function data<T>(request: Promise<{ data?: T; error?: unknown }>): Promise<T> {
  const { data, error } = await request;
  ok(data !== undefined, JSON.stringify(error));
  return data;
}

/** Returns the status, the code and the body of a request that has to fail. */
async function failure<E>(request: Promise<{ error?: E; response: Response }>) {
  const { error, response } = await request;
  ok(error !== undefined, `no error, but ${response.status}`);
  return { status: response.status, code: response.headers.get("Agora-Error-Code"), error };
}

await scenarios(NAME, {
  async bazaar() {
    const { GET, POST } = createClient<Bazaar>({ baseUrl: `${server}/bazaar` });
    const params = { path: { stockName: "GameStart" } };
    const left = async () => (await data(GET("/stocks/{stockName}", { params }))).data.quantity;
    const before = await left();
    const body = { name: "GameStart", quantity: 2, type: "buy" } as const;
    const key = { header: { "Idempotency-Key": `${NAME}-buy` } };
    const bought = await data(POST("/orders", { params: key, body }));
    equal(await data(POST("/orders", { params: key, body })), bought);
    const orderNum = bought.data["transaction-number"];
    equal(bought.data.order_number, orderNum);
    const recorded = await data(GET("/orders/{orderNum}", { params: { path: { orderNum } } }));
    equal(recorded.data, { ...body, number: orderNum });
    equal(await left(), before - 2);
    await data(POST("/orders", { body: { ...body, type: "sell" } }));
    equal(await left(), before);

    const missing = await failure(GET("/stocks/{stockName}", { params: { path: { stockName: "Nothing" } } }));
    const error = { error: { code: 404, message: "stock not found" } };
    equal(missing, { status: 404, code: "NOT_FOUND", error });
  },

  async bookstore() {
    const { GET, POST, PUT, DELETE } = createClient<Bookstore>({ baseUrl: `${server}/bookstore` });
    const body = { title: "Typed Tales", topic: NAME, quantity: 3, price: 15.99 };
    const book = await data(POST("/catalog/books", { body }));
    const found = await data(GET("/search/{topic}", { params: { path: { topic: NAME } } }));
    equal(found, [{ id: book.id, title: "Typed Tales" }]);
    const params = { path: { bookId: book.id } };
    const changed = await data(PUT("/catalog/books/{bookId}", { params, body: { price: 12.5 } }));
    equal(changed, { ...book, price: 12.5 });
    const bought = await data(POST("/purchase/{bookId}", { params }));
    equal(bought.book, { id: book.id, title: "Typed Tales", price: 12.5, quantity: 2 });
    const order = await data(GET("/order/orders/{orderId}", { params: { path: { orderId: bought.orderId } } }));
    equal([order.bookId, order.price, order.status], [book.id, 12.5, "SUCCESS"]);
    await data(DELETE("/catalog/books/{bookId}", { params }));

    const { status, code, error } = await failure(GET("/info/{bookId}", { params }));
    equal([status, code, error.success], [404, "NOT_FOUND", false]);
  },

  async brokerage() {
    const baseUrl = `${server}/brokerage`;
    const anyone = createClient<Brokerage>({ baseUrl });
    const credentials = { email: "ada@example.com", password: PASSWORD };
    const { token } = await data(anyone.POST("/users/login", { body: credentials }));
    const { GET, POST, PUT } = createClient<Brokerage>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

    const { balance } = await data(GET("/balance"));
    const transaction = await data(POST("/transactions", { body: { type: "deposit", amount: 40.5 } }));
    const transactionId = transaction.id;
    equal(await data(GET("/transactions/{transactionId}", { params: { path: { transactionId } } })), transaction);
    equal((await data(GET("/balance"))).balance, balance + 40.5);

    const newOrder = { type: "PURCHASE", stockId: 4, stockAmount: 1, automated: true, limitPrice: 1 } as const;
    const order = await data(POST("/orders", { body: newOrder }));
    const params = { path: { orderId: order.id } };
    equal([order.orderPrice, order.brokerId, order.status], [1, null, "PENDING"]);
    equal(await data(GET("/orders/{orderId}", { params })), order);
    const cancelled = await data(PUT("/orders/{orderId}", { params, body: { status: "CANCELLED" } }));
    equal(cancelled, { ...order, status: "CANCELLED" });

    // Both variants of one body, with a day and with a time.
    const grant = { type: "CAPITAL", brokerId: 2, amount: 10.25, endDate: "2030-12-31" } as const;
    const money = await data(POST("/authorizations", { body: grant }));
    equal(money.type, "CAPITAL");
    const holding = (await data(GET("/stockholdings"))).find((one) => one.amount > 0);
    ok(holding);
    const shares = await data(
      POST("/authorizations", {
        body: { type: "STOCKHOLDING", brokerId: 2, stockHoldingId: holding.id, amount: 1, endDate: "2031-01-31T12:30:00Z" },
      }),
    );
    equal([shares.type, shares.stockHoldingId], ["STOCKHOLDING", holding.id]);
    for (const { id } of [shares, money]) {
      const authorization = { params: { path: { authorizationId: id } } };
      equal((await data(GET("/authorizations/{authorizationId}", authorization))).active, true);
      equal((await data(PUT("/authorizations/{authorizationId}/revoke", authorization))).active, false);
    }

    const broker = { type: "broker", brokerageFee: 1.5, name: "Eve", surname: "Lindt" } as const;
    const email = `${NAME}@example.com`;
    const person = await data(anyone.POST("/users/register", { body: { ...broker, email, password: "correct horse" } }));
    equal([person.brokerageFee, person.phoneNo, person.address], [1.5, null, null]);

    const missing = await failure(GET("/orders/{orderId}", { params: { path: { orderId: 999_999 } } }));
    equal([missing.status, missing.code, missing.error.error.reason], [404, "NOT_FOUND", "NOT_FOUND"]);
  },

  async community() {
    const { GET, POST, PUT, DELETE } = createClient<Community>({ baseUrl: `${server}/community` });
    const user = await data(POST("/users", { body: { username: NAME, email: `${NAME}@example.net` } }));
    const person = { params: { path: { username: NAME } } };
    equal(await data(GET("/users/{username}", person)), user);
    const email = `${NAME}@example.org`;
    equal((await data(PUT("/users/{username}/email", { ...person, body: { email } }))).email, email);
    const body = { title: "Tea?", text: "Or coffee.", community: "Books", username: NAME, date: "2026-01-31" };
    const post = await data(POST("/posts", { body }));
    equal([post.date, post.url], ["2026-01-31T00:00:00+00:00", null]);
    equal(await data(GET("/posts/{id}", { params: { path: { id: post.id } } })), post);
    const params = { path: { postId: post.id } };
    equal((await data(POST("/votes/{postId}/upvotes", { params }))).upvotes, 1);
    const votes = await data(GET("/votes/{postId}", { params }));
    equal(await data(GET("/votes", { params: { query: { ids: [post.id] } } })), [votes]);
    const contents = "I found your glove.";
    const message = await data(POST("/messages", { body: { userFrom: NAME, userTo: "dan", contents } }));
    const sent = { params: { path: { id: message.id } } };
    equal(await data(PUT("/messages/{id}/favorite", sent)), { ...message, favorite: true });
    await data(DELETE("/messages/{id}", sent));
    await data(DELETE("/posts/{id}", { params: { path: { id: post.id } } }));
    await data(DELETE("/users/{username}", person));

    const { status, code, error } = await failure(GET("/posts/{id}", { params: { path: { id: post.id } } }));
    equal([status, code, error.error], [404, "NOT_FOUND", "Not Found"]);
  },

  async shop() {
    const { GET, POST, PUT, DELETE } = createClient<Shop>({ baseUrl: `${server}/shop` });
    const name = `${NAME}-shop`;
    await data(POST("/api/users", { body: { name, password: PASSWORD, address: "2 Old Street" } }));
    const { user_id } = await data(POST("/api/login", { body: { name, password: PASSWORD } }));
    const person = { params: { path: { id: user_id } } };
    await data(PUT("/api/user/{id}", { ...person, body: { address: "1 New Street" } }));
    const shown = { id: user_id, name, password: "********", address: "1 New Street" };
    equal(await data(GET("/api/user/{id}", person)), shown);
    const body = { user_id, product_id: 1, quantity: 2, date: "2026-11-28" };
    await data(POST("/api/orders", { body }));
    const [order] = await data(GET("/api/userorders/{user_id}", { params: { path: { user_id } } }));
    ok(order);
    equal(order, { ...body, id: order.id });
    const params = { path: { order_id: order.id } };
    await data(PUT("/api/order/{order_id}", { params, body: { quantity: 3 } }));
    equal(await data(GET("/api/order/{order_id}", { params })), { ...order, quantity: 3 });
    await data(DELETE("/api/order/{order_id}", { params }));
    await data(DELETE("/api/user/{id}", person));

    const missing = await failure(GET("/api/order/{order_id}", { params }));
    equal(missing, { status: 404, code: "NOT_FOUND", error: { response: "Order not found." } });
  },
});
