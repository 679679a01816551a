// The operations of a comparison. Each names its caller, and has `errors` where errors are expected: their codes by path.
// `gatewayErrors` are those of the gateway where its paths differ: it has one error for an entity, whose path ends in the
// subgraph's own `_entities` and has `@` in place of each index. Agora has one error for each null, with the client's path.

/** The demo's people. An operation without a caller is an anonymous one's. */
export const people = ["ada", "ben", "admin"].map((name) => ({ name }));
const [ada, ben, admin] = people;

export const queries = {
  "accounts, for a person about themselves": { caller: ada, query: "{ me { id username email role joinedAt address { __typename } karma } }" },
  "accounts, for an anonymous caller about a person": { query: "{ user(username: \"ada\") { id username email phone role } }" },
  "accounts, pages forwards": {
    caller: ben,
    query: "{ users(first: 2) { edges { cursor node { username } } nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor } } }",
  },
  "accounts, pages backwards of one role": {
    caller: ben,
    query: "query ($role: Role) { users(last: 2, role: $role) { nodes { username role } pageInfo { hasNextPage hasPreviousPage } } }",
    variables: { role: "MEMBER" },
  },
  "exchange, a stock with the viewer's holding of it": {
    caller: ada,
    query: "{ stock(name: \"GameStart\") { id price open myHolding { id free held committed marketValue owner { username } } } }",
  },
  "exchange, a stock for a caller without holdings": { query: "{ stocks(first: 3) { nodes { name price volume myHolding { id } } } }" },
  "exchange, trades with their stocks and their hidden traders": {
    caller: ben,
    query: "{ exchangeOrders(first: 4) { nodes { number side quantity price stock { name } trader { username } } } }",
  },
  "exchange, trades with their traders for an operator": {
    caller: admin, query: "{ exchangeOrders(first: 6) { nodes { number trader { username karma wallet { balance } } } } }",
  },
  "brokerage, a value that requires wallets and shares": { caller: ada, query: "{ me { portfolioValue } }" },
  "brokerage, the required value under other names": {
    caller: ada, query: "{ me { wallets: portfolioValue username: portfolioValue name: username portfolioValue } }",
  },
  "brokerage, the required value of other people is hidden": {
    caller: ben,
    query: "{ users(first: 2) { nodes { username portfolioValue unreadCount } } }",
    errors: { "users.nodes.0.portfolioValue": "FORBIDDEN", "users.nodes.0.unreadCount": "FORBIDDEN" },
    gatewayErrors: { "users.nodes.@._entities.portfolioValue": "FORBIDDEN", "users.nodes.@._entities.unreadCount": "FORBIDDEN" },
  },
  "brokerage, the required value of all people for an operator": {
    caller: admin, query: "{ users(first: 5) { nodes { username portfolioValue wallets { currency balance } } } }",
  },
  "brokerage, orders with everything around them": {
    caller: ada,
    query: `{ me { brokerageOrders(first: 5) { nodes {
      id side status quantity total fee stock { name price } broker { username brokerageFeePercent }
      authorization { kind broker { displayName } } exchangeOrder { number price stock { id } }
    } } } }`,
  },
  "brokerage, authorizations that a broker received": {
    caller: ben,
    query: `{ me { authorizations(active: true, first: 5) { nodes {
      kind remaining remainingShares feePercent investor { username email } holding { id } stock { name }
    } } } }`,
  },
  "wallet, transactions three hops away": {
    caller: ada,
    query: `{ me { wallet { balance committed held transactions(first: 5) { nodes {
      type amount balanceAfter order { side stock { name } investor { username karma } }
    } } } } }`,
  },
  "bookstore, books by topic, and topics": {
    query: "{ topics books(text: \"how\", first: 2) { nodes { title price quantity topic } pageInfo { hasNextPage } } }",
  },
  "bookstore, purchases with their books and buyers": {
    caller: ada, query: "{ me { bookPurchases(first: 3) { nodes { title price book { title quantity } buyer { username portfolioValue } } } } }",
  },
  "shop, orders with their products and people": {
    caller: ada,
    query: "{ products(first: 2) { nodes { name available } } me { shopOrders(first: 3) { nodes { date total product { name price } user { name surname } } } } }",
  },
  "messages, with their people": {
    caller: ada, query: "{ me { unreadCount inbox(first: 3) { nodes { contents read from { username role } to { username } } } sent(first: 2) { nodes { contents } } } }",
  },
  "posts with their votes, their communities and their authors": {
    query: "{ recentPosts(first: 4) { nodes { title score upvotes downvotes community { name } author { username posts(first: 2) { nodes { title score } } } } } }",
  },
  "votes, the posts that their own subgraph does not have": {
    caller: ada, query: "{ topPosts(first: 3) { nodes { id title myVote author { username } } } topVoted(first: 2) { nodes { score text } } }",
  },
  "votes, an object that the other subgraph lacks": { query: "{ postsByScore(ids: [\"post_1\", \"post_2\"]) { id score title } }" },
  "the interface over every domain": {
    caller: ada,
    query: `query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id
      ... on User { username } ... on Stock { name price } ... on Book { title } ... on Product { name }
      ... on Post { title score } ... on Holding { free stock { name } } ... on Wallet { balance owner { username } }
      ... on Message { contents } ... on BrokerageOrder { side investor { username } }
    } }`,
    variables: {
      ids: ["user_1", "stock_1", "book_1", "product_1", "post_1", "holding_1", "wallet_1", "message_5", "brokerage_order_8", "user_99"],
    },
  },
  "the interface under fragments of fragments": {
    caller: ada,
    query: `{ first: node(id: "post_1") { ...Object } second: node(id: "holding_1") { ...Object } }
      fragment Object on Node { id ...Written ... on Holding { owner { ...Person } } }
      fragment Written on Post { author { ...Person } }
      fragment Person on User { username karma }`,
  },
  "included and skipped fields": {
    caller: ada,
    query: `query ($yes: Boolean!, $no: Boolean!) { me {
      username @include(if: $yes) email @skip(if: $yes) portfolioValue @include(if: $no) wallet @skip(if: $no) { balance }
      ... @include(if: $no) { holdings(first: 1) { nodes { id } } } ... @skip(if: $no) { holdings(first: 1) { nodes { free } } }
    } }`,
    variables: { yes: true, no: false },
  },
  "one field under many names with many arguments": {
    query: "{ a: stock(name: \"GameStart\") { id } b: stock(name: \"FishCo\") { id: name } c: stock(id: \"stock_1\") { name } none: stock(name: \"None\") { name } }",
  },
  "an error beside data": {
    query: "{ books(first: 1) { nodes { title } } stock(id: \"stock_1\", name: \"GameStart\") { name } topics }",
    errors: { stock: "INVALID_INPUT" },
  },
  "a caller who is not signed in": { query: "{ topics users(first: 1) { nodes { id } } }", errors: { users: "UNAUTHENTICATED" } },
  "a caller who may not": { caller: ada, query: "{ messages(to: \"ben\", first: 1) { nodes { id } } }", errors: { messages: "FORBIDDEN" } },
  "no such object, in several domains": { caller: ada, query: "{ user(username: \"nobody\") { id } post(id: \"post_999\") { title score } shopOrder(id: \"shop_order_999\") { total } }" },
};

/** Mutations, each router over a folder of its own, with reads of their effects. */
export const mutations = {
  "mutations of several subgraphs in order": {
    caller: ada,
    query: `mutation {
      deposit(amount: { amount: "10.00", currency: "USD" }) { amount balanceAfter }
      upvote(postId: "post_2") { id score title }
      second: deposit(amount: { amount: "5.00", currency: "USD" }) { balanceAfter }
      sendMessage(to: "ben", contents: "in order") { contents from { username wallet { balance } } to { username } }
      withdraw(amount: { amount: "3.00", currency: "USD" }) { balanceAfter type }
      clearVote(postId: "post_2") { score myVote }
    }`,
  },
  "a mutation that is refused after one that is not": {
    caller: ada,
    query: `mutation {
      deposit(amount: { amount: "1.00", currency: "USD" }) { balanceAfter }
      withdraw(amount: { amount: "1000000.00", currency: "USD" }) { balanceAfter }
      upvote(postId: "post_1") { id score }
    }`,
    errors: { withdraw: "INSUFFICIENT_FUNDS" },
  },
  "the effects of the mutations": {
    caller: ada,
    query: "{ me { wallet { balance transactions(first: 4) { nodes { amount balanceAfter } } } sent(first: 2) { nodes { contents } } portfolioValue } post(id: \"post_2\") { score myVote } other: post(id: \"post_1\") { score myVote } }",
  },
};

/** Operations that the gateway answers in another way, with its answer and the reason. */
export const differences = {
  "a key's name for another field: the gateway writes the key over it": {
    caller: ada,
    query: "{ me { id: username portfolioValue } }",
    agora: "ada",
    gateway: "user_1",
  },
};
