// The clients of `openapi-generator -g typescript-fetch`: each mount's main job, then an error.
//
// Only generated functions and types are used. AGORA_URL is the address of a demo server.

import { deepStrictEqual as equal, ok } from "node:assert/strict";

import * as bazaar from "../generated/typescript-fetch/bazaar/index.js";
import * as bookstore from "../generated/typescript-fetch/bookstore/index.js";
import * as brokerage from "../generated/typescript-fetch/brokerage/index.js";
import * as community from "../generated/typescript-fetch/community/index.js";
import * as shop from "../generated/typescript-fetch/shop/index.js";
import { PASSWORD, scenarios, server } from "./scenarios.js";

const NAME = "typescript-fetch";

/** Returns the response of a request that has to fail. Each client has an error class of its own, with the same members. */
async function failure(request: Promise<unknown>): Promise<Response> {
  const error = await request.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  ok(error instanceof Error && "response" in error && error.response instanceof Response, String(error));
  return error.response;
}

await scenarios(NAME, {
  async bazaar() {
    const front = new bazaar.FrontApi(new bazaar.Configuration({ basePath: `${server}/bazaar` }));
    const left = async () => (await front.getStock({ stockName: "GameStart" })).data.quantity;
    const before = await left();
    const order = { trade: { name: "GameStart", quantity: 2, type: "buy" }, idempotencyKey: `${NAME}-buy` } as const;
    const { data: bought } = await front.placeOrder(order);
    equal((await front.placeOrder(order)).data, bought);
    equal(bought.transactionNumber, bought.orderNumber);
    const recorded = (await front.getOrder({ orderNum: bought.orderNumber })).data;
    equal(recorded, { number: bought.orderNumber, name: "GameStart", quantity: 2, type: bazaar.OrderTypeEnum.Buy });
    equal(await left(), before - 2);
    await front.placeOrder({ trade: { name: "GameStart", quantity: 2, type: "sell" } });
    equal(await left(), before);

    const missing = await failure(front.getStock({ stockName: "Nothing" }));
    equal([missing.status, missing.headers.get("Agora-Error-Code")], [404, "NOT_FOUND"]);
    const { error } = bazaar.ErrorBodyFromJSON(await missing.json());
    equal([error.code, error.message], [404, "stock not found"]);
  },

  async bookstore() {
    const configuration = new bookstore.Configuration({ basePath: `${server}/bookstore` });
    const catalog = new bookstore.CatalogApi(configuration);
    const front = new bookstore.FrontApi(configuration);
    const orders = new bookstore.OrderApi(configuration);
    const newBook = { title: "Typed Tales", topic: NAME, quantity: 3, price: 15.99 };
    const book = await catalog.addBook({ newBook });
    equal(await front.searchBooks({ topic: NAME }), [{ id: book.id, title: "Typed Tales" }]);
    const changed = await catalog.updateBook({ bookId: book.id, bookChange: { price: 12.5 } });
    equal(changed, { ...book, price: 12.5 });
    const bought = await front.purchaseBook({ bookId: book.id, idempotencyKey: `${NAME}-purchase` });
    equal(bought.book, { id: book.id, title: "Typed Tales", price: 12.5, quantity: 2 });
    const order = await orders.getOrder({ orderId: bought.orderId });
    ok(order.createdAt instanceof Date);
    equal([order.bookId, order.price, order.status], [book.id, 12.5, "SUCCESS"]);
    await catalog.deleteBook({ bookId: book.id });

    const missing = await failure(front.getBookInfo({ bookId: book.id }));
    equal([missing.status, missing.headers.get("Agora-Error-Code")], [404, "NOT_FOUND"]);
    equal(bookstore.ErrorBodyFromJSON(await missing.json()).success, false);
  },

  async brokerage() {
    const basePath = `${server}/brokerage`;
    const anyone = new brokerage.UserApi(new brokerage.Configuration({ basePath }));
    const { token } = await anyone.login({ credentials: { email: "ada@example.com", password: PASSWORD } });
    const configuration = new brokerage.Configuration({ basePath, accessToken: token });
    const users = new brokerage.UserApi(configuration);
    const wallet = new brokerage.WalletApi(configuration);
    const stocks = new brokerage.StockApi(configuration);

    const { balance } = await wallet.getBalance();
    const transaction = await wallet.createTransaction({ newTransaction: { type: "deposit", amount: 40.5 } });
    equal(await wallet.getTransaction({ transactionId: transaction.id }), transaction);
    equal((await wallet.getBalance()).balance, balance + 40.5);

    const newOrder = { type: "PURCHASE", stockId: 4, stockAmount: 1, automated: true, limitPrice: 1 } as const;
    const order = await stocks.placeOrder({ newOrder });
    equal([order.orderPrice, order.brokerId, order.status], [1, null, "PENDING"]);
    equal(await stocks.getOrder({ orderId: order.id }), order);
    const cancelled = await stocks.cancelOrder({ orderId: order.id, orderChange: { status: "CANCELLED" } });
    equal(cancelled, { ...order, status: "CANCELLED" });

    // Both variants of one body, with a day and with a time.
    const money = await users.createAuthorization({
      newAuthorization: { type: "CAPITAL", brokerId: 2, amount: 10.25, endDate: "2030-12-31" },
    });
    equal(money.type, "CAPITAL");
    const holding = (await stocks.listStockholdings()).find((one) => one.amount > 0);
    ok(holding);
    const shares = await users.createAuthorization({
      newAuthorization: {
        type: "STOCKHOLDING",
        brokerId: 2,
        stockHoldingId: holding.id,
        amount: 1,
        endDate: "2031-01-31T12:30:00Z",
      },
    });
    equal([shares.type, shares.stockHoldingId], ["STOCKHOLDING", holding.id]);
    equal(await users.getAuthorization({ authorizationId: shares.id }), shares);
    equal((await users.revokeAuthorization({ authorizationId: shares.id })).active, false);
    equal((await users.revokeAuthorization({ authorizationId: money.id })).active, false);

    const fee = { type: "broker", brokerageFee: 1.5 } as const;
    const email = `${NAME}@example.com`;
    const person = await anyone.registerUser({
      newUser: { ...fee, name: "Eve", surname: "Lindt", email, password: "correct horse" },
    });
    equal([person.brokerageFee, person.phoneNo, person.address], [1.5, null, null]);

    const missing = await failure(stocks.getOrder({ orderId: 999_999 }));
    equal([missing.status, missing.headers.get("Agora-Error-Code")], [404, "NOT_FOUND"]);
    equal(brokerage.ErrorBodyFromJSON(await missing.json()).error.reason, "NOT_FOUND");
  },

  async community() {
    const configuration = new community.Configuration({ basePath: `${server}/community` });
    const users = new community.UsersApi(configuration);
    const posts = new community.PostsApi(configuration);
    const votes = new community.VotesApi(configuration);
    const messages = new community.MessagesApi(configuration);
    const user = await users.createUser({ newUser: { username: NAME, email: `${NAME}@example.net` } });
    equal(await users.getUser({ username: NAME }), user);
    const newEmail = { email: `${NAME}@example.org` };
    equal((await users.updateEmail({ username: NAME, newEmail })).email, newEmail.email);
    const post = await posts.createPost({
      newPost: { title: "Tea?", text: "Or coffee.", community: "Books", username: NAME, date: "2026-01-31" },
    });
    equal([post.date.toISOString(), post.url], ["2026-01-31T00:00:00.000Z", null]);
    equal(await posts.getPost({ id: post.id }), post);
    equal((await votes.upvotePost({ postId: post.id })).upvotes, 1);
    equal(await votes.listVotes({ ids: [post.id] }), [await votes.getVotes({ postId: post.id })]);
    const newMessage = { userFrom: NAME, userTo: "dan", contents: "I found your glove." };
    const message = await messages.sendMessage({ newMessage });
    equal(await messages.favoriteMessage({ id: message.id }), { ...message, favorite: true });
    await messages.deleteMessage({ id: message.id });
    await posts.deletePost({ id: post.id });
    await users.deactivateUser({ username: NAME });

    const missing = await failure(posts.getPost({ id: post.id }));
    equal([missing.status, missing.headers.get("Agora-Error-Code")], [404, "NOT_FOUND"]);
    equal(community.ErrorBodyFromJSON(await missing.json()).error, "Not Found");
  },

  async shop() {
    const configuration = new shop.Configuration({ basePath: `${server}/shop` });
    const users = new shop.UserApi(configuration);
    const orders = new shop.OrderApi(configuration);
    const name = `${NAME}-shop`;
    await users.addUser({ newUser: { name, password: PASSWORD, address: "2 Old Street" } });
    const { userId } = await users.login({ credentials: { name, password: PASSWORD } });
    await users.updateUser({ id: userId, userChange: { address: "1 New Street" } });
    equal(await users.getUser({ id: userId }), { id: userId, name, password: "********", address: "1 New Street" });
    const date = new Date("2026-11-28");
    await orders.placeOrder({ newOrder: { userId, productId: 1, quantity: 2, date } });
    const [order] = await orders.listOrdersOfUser({ userId });
    ok(order);
    equal(order, { id: order.id, userId, productId: 1, quantity: 2, date });
    await orders.updateOrder({ orderId: order.id, orderChange: { quantity: 3 } });
    equal(await orders.getOrder({ orderId: order.id }), { ...order, quantity: 3 });
    await orders.deleteOrder({ orderId: order.id });
    await users.deleteUser({ id: userId });

    const missing = await failure(orders.getOrder({ orderId: order.id }));
    equal([missing.status, missing.headers.get("Agora-Error-Code")], [404, "NOT_FOUND"]);
    equal(shop.ErrorBodyFromJSON(await missing.json()), { response: "Order not found." });
  },
});
