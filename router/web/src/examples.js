// The examples of the menu. All of them work on the sample data of `agora demo`, signed in as the person of `as`:
// `npm run check` validates them against the public schema, and `tests/browser/graphiql.mjs` runs them.

export const EXAMPLES = [
  {
    group: "Across domains",
    title: "A look at everything public",
    query: `# One question, five subgraphs: exchange, bookstore, shop,
# posts and accounts. No sign-in is needed: press Play.
query Overview {
  stocks(first: 3) {
    nodes { name price volume }
  }
  books(first: 3) {
    nodes { title price quantity }
  }
  products(first: 3) {
    nodes { name price available }
  }
  topPosts(first: 3) {
    nodes {
      title
      score
      community { name }
      author { username karma }
    }
  }
}
`,
  },
  {
    group: "Across domains",
    title: "Your messages and books",
    as: "cleo",
    query: `# One question, three subgraphs: accounts says
# who you are, messages what you were sent, and
# bookstore what you bought.
# Sign in as cleo (above), then press Play.
query AcrossSubgraphs {
  me {
    username
    karma
    inbox(first: 2) {
      nodes {
        contents
        from { username karma }
      }
    }
    bookPurchases(first: 2) {
      nodes { title price at }
    }
  }
}
`,
  },
  {
    group: "Across domains",
    title: "All nine domains in one query",
    as: "ada",
    query: `# One question to all nine domains: karma, money,
# shares at live prices, orders, books, shop orders,
# posts with their scores, the inbox. Each domain is
# asked at most twice, however much there is.
# Sign in as ada (above), then press Play.
query Everything {
  me {
    username
    karma
    wallet { balance committed held }
    portfolioValue
    holdings(first: 5) {
      nodes { free stock { name price } }
    }
    brokerageOrders(first: 5) {
      nodes { side quantity status stock { name } }
    }
    bookPurchases(first: 5) {
      nodes { title price }
    }
    shopOrders(first: 5) {
      nodes { quantity total product { name available } }
    }
    posts(first: 5) {
      nodes { title community { name } score myVote }
    }
    inbox(first: 5) {
      nodes { contents from { username karma } }
    }
    unreadCount
  }
}
`,
  },
  {
    group: "Bookstore",
    title: "Find and buy books",
    as: "cleo",
    query: `# Two operations in one tab: the Play button asks which.
# Looking is free; buying needs a sign-in.
query FindBooks($topic: String) {
  topics
  books(topic: $topic, first: 10) {
    nodes {
      id
      title
      topic
      price
      quantity
    }
  }
}

# With the same key a second click buys nothing more:
# change it to buy another copy.
mutation BuyBook($id: ID!, $key: String) {
  purchaseBook(id: $id, idempotencyKey: $key) {
    id
    price
    at
    book {
      title
      quantity
    }
    buyer {
      username
    }
  }
}
`,
    variables: { topic: "distributed systems", id: "book_1", key: "my-first-book" },
  },
  {
    group: "Messages",
    title: "Follow new messages",
    as: "cleo",
    query: `# Stays open and lists each message that reaches you,
# newest first. Sign in as cleo and press Play. Then, in a
# second window, sign in as dan and run SendMessage.
subscription NewMessage {
  newMessage {
    contents
    at
    from {
      username
      karma
    }
  }
}
`,
  },
  {
    group: "Messages",
    title: "Send a message",
    as: "dan",
    query: `# Sign in as dan first; the variables are below.
mutation SendMessage($to: String!, $contents: String!) {
  sendMessage(to: $to, contents: $contents) {
    id
    at
    contents
    to {
      username
    }
  }
}
`,
    variables: { to: "cleo", contents: "Have you read the one about distributed systems?" },
  },
  {
    group: "Bookstore",
    title: "Follow books",
    query: `# Every sale and every edit of a book. Buy one meanwhile.
subscription BookChanged {
  bookChanged {
    id
    title
    price
    quantity
  }
}
`,
  },
  {
    group: "Across domains",
    title: "Follow invalidations",
    query: `# What the caches are told to forget, as it happens.
subscription CacheInvalidated($typenames: [String!]) {
  cacheInvalidated(typenames: $typenames) {
    typename
    key
    version
  }
}
`,
    variables: { typenames: ["Book"] },
  },
  {
    group: "Stock exchange",
    title: "Stocks and trades",
    as: "admin",
    query: `# Stocks are public. To trade with the exchange itself
# is for operators: sign in as admin. With the same key a
# second click trades nothing more.
query Market($name: String) {
  stocks(first: 10) {
    nodes {
      id
      name
      price
      quantity
      volume
    }
  }
  stock(name: $name) {
    price
    open
    high
    low
    updatedAt
  }
}

mutation Trade($stock: String!, $side: Side!, $quantity: Int!, $key: String) {
  trade(stock: $stock, side: $side, quantity: $quantity, idempotencyKey: $key) {
    number
    price
    at
    stock {
      name
      quantity
    }
  }
}
`,
    variables: { name: "FishCo", stock: "FishCo", side: "BUY", quantity: 1, key: "my-first-trade" },
  },
  {
    group: "Stock exchange",
    title: "Follow prices",
    query: `# Every trade and every price, as it happens: in the
# demo one price moves each second.
subscription StockChanged($names: [String!]) {
  stockChanged(names: $names) {
    name
    price
    quantity
    volume
  }
}
`,
    variables: { names: null },
  },
  {
    group: "Stock exchange",
    title: "Set a price",
    as: "admin",
    query: `# Sign in as admin. A price that crosses the limit of an
# automated order fires it.
mutation SetPrice($stock: String!, $price: Money!) {
  setPrice(stock: $stock, price: $price) {
    name
    price
    high
    low
  }
}
`,
    variables: { stock: "FishCo", price: { amount: "19.50", currency: "USD" } },
  },
  {
    group: "Brokerage",
    title: "Portfolio and orders",
    as: "ada",
    query: `# What ada has: money, shares at the live price, and
# orders, two of which wait for their price.
# Sign in as ada first.
query Portfolio {
  me {
    portfolioValue
    wallet { balance committed held }
    holdings(first: 10) {
      nodes {
        stock { name price }
        free
        committed
        held
        marketValue
      }
    }
    brokerageOrders(first: 10) {
      nodes {
        id
        side
        status
        quantity
        stock { name price }
        price
        limitPrice
        fee
        broker { username }
      }
    }
  }
}

# An automated order waits until the stock costs its
# limit or less. Without automated and limitPrice an
# order is executed at once.
mutation PlaceOrder($stock: ID!, $limit: Money, $key: String) {
  placeOrder(
    input: {
      side: BUY
      stock: $stock
      quantity: 2
      automated: true
      limitPrice: $limit
    }
    idempotencyKey: $key
  ) {
    id
    status
    price
    limitPrice
    stock { name price quantity myHolding { free held } }
    exchangeOrder { number }
  }
}

# In a fresh demo, brokerage_order_9 is the order
# that PlaceOrder places.
mutation CancelOrder($id: ID!) {
  cancelOrder(id: $id) {
    id
    status
  }
}
`,
    variables: {
      stock: "stock_1",
      limit: { amount: "5.00", currency: "USD" },
      key: "my-first-order",
      id: "brokerage_order_9",
    },
  },
  {
    group: "Brokerage",
    title: "Follow your orders",
    as: "ada",
    query: `# Stays open and shows your orders as they change: sign in
# as ada, press Play, and wait for the price of
# MercuryExpress to move by one percent.
subscription OrderChanged {
  orderChanged {
    id
    side
    status
    quantity
    price
    limitPrice
    stock { name price }
  }
}
`,
  },
  {
    group: "Brokerage",
    title: "Authorize a broker",
    as: "ada",
    query: `# What ada lends to ben, who buys and sells for her. As ben
# you see the same from the other side.
# Sign in as ada first.
query Authorizations {
  users(role: BROKER) {
    nodes { id username brokerageFeePercent }
  }
  me {
    authorizations(active: true, first: 10) {
      nodes {
        id
        kind
        broker { username }
        stock { name }
        remaining
        remainingShares
        endsAt
      }
    }
  }
}

# Where ada lends to that broker already, this is added.
mutation GrantAuthorization($input: GrantInput!, $key: String) {
  grantAuthorization(input: $input, idempotencyKey: $key) {
    created
    authorization {
      id
      remaining
      endsAt
      investor {
        username
        wallet { balance committed }
      }
    }
  }
}

# The rest that ben has not used is ada's again.
mutation RevokeAuthorization($id: ID!) {
  revokeAuthorization(id: $id) {
    active
    endedAt
  }
}
`,
    variables: {
      input: {
        kind: "CAPITAL",
        broker: "user_2",
        amount: { amount: "100.00", currency: "USD" },
        endsAt: "2099-12-31T00:00:00Z",
      },
      key: "my-first-authorization",
      id: "authorization_1",
    },
  },
  {
    group: "Accounts",
    title: "Change your profile",
    as: "ada",
    query: `# What is left out stays, null clears. All of it changes,
# or nothing. Sign in as ada first.
mutation UpdateUser($id: ID!, $input: UserPatch!) {
  updateUser(id: $id, input: $input) {
    displayName
    email
    phone
    address { text }
  }
}
`,
    variables: {
      id: "user_1",
      input: { phone: "+49 30 5550108", address: { street: "Harbour Lane", number: "8", zipCode: "10115" } },
    },
  },
  {
    group: "Wallet",
    title: "Money and transactions",
    as: "ada",
    query: `# Your money: what is free, lent to brokers, and
# covering orders, and all that ever moved it.
# Sign in as ada, then press Play.
query MyMoney {
  me {
    username
    wallet {
      balance
      committed
      held
      transactions(first: 10) {
        nodes {
          type
          account
          amount
          balanceAfter
          at
        }
      }
    }
  }
}

# Taking out more than is free is refused, and with the
# same key a second click takes out nothing more.
mutation Withdraw($amount: Money!, $key: String) {
  withdraw(amount: $amount, idempotencyKey: $key) {
    id
    amount
    balanceAfter
  }
}
`,
    variables: { amount: { amount: "25.00", currency: "USD" }, key: "my-first-withdrawal" },
  },
  {
    group: "Shop",
    title: "Products and orders",
    as: "cleo",
    query: `# Products are public, orders are their owner's. Units
# that are ordered are not available to other people.
# Sign in as cleo, then press Play.
query Shop($text: String) {
  products(text: $text, first: 10) {
    nodes {
      id
      name
      price
      available
    }
  }
  me {
    shopOrders(first: 10) {
      nodes {
        id
        product { name }
        quantity
        date
        unitPrice
        total
      }
    }
  }
}

# With the same key a second click orders nothing more.
mutation OrderProduct($product: ID!, $quantity: Int!, $date: Date!, $key: String) {
  placeShopOrder(
    input: { product: $product, quantity: $quantity, date: $date }
    idempotencyKey: $key
  ) {
    id
    total
    product { name available }
  }
}

# The product, the quantity, the date: all that is asked
# for changes, or nothing.
mutation ChangeShopOrder($order: ID!, $quantity: Int!) {
  updateShopOrder(id: $order, input: { quantity: $quantity }) {
    id
    quantity
    total
    product { name available }
  }
}

# Its units are available again.
mutation DeleteShopOrder($order: ID!) {
  deleteShopOrder(id: $order)
}
`,
    variables: { text: "mug", product: "product_1", quantity: 3, date: "2026-01-31", key: "my-first-mugs", order: "shop_order_1" },
  },
  {
    group: "Shop",
    title: "Follow products",
    query: `# Every product as orders and operators change it. Order
# one meanwhile.
subscription ProductChanged($ids: [ID!]) {
  productChanged(ids: $ids) {
    id
    name
    price
    available
  }
}
`,
    variables: { ids: null },
  },
  {
    group: "Community",
    title: "Read and write posts",
    as: "cleo",
    query: `# Posts are public. Making one needs a sign-in, and
# with the same key a second click makes no second one.
query RecentPosts($community: String) {
  communities(first: 10) {
    nodes { name }
  }
  recentPosts(community: $community, first: 10) {
    nodes {
      id
      title
      url
      at
      community { name }
      author { username karma }
    }
  }
}

# The first post in a community makes it.
mutation CreatePost($input: PostInput!, $key: String) {
  createPost(input: $input, idempotencyKey: $key) {
    id
    title
    community { name }
    author {
      username
      posts(first: 3) {
        nodes { title at }
      }
    }
  }
}

# Your own: cleo's first post is post_1.
mutation DeletePost($id: ID!) {
  deletePost(id: $id)
}
`,
    variables: {
      community: null,
      input: { title: "Hello", text: "My first post.", community: "Books" },
      key: "my-first-post",
      id: "post_1",
    },
  },
  {
    group: "Community",
    title: "Follow new posts",
    query: `# Stays open and shows each post as it is made, here or
# in one community only. Run CreatePost meanwhile.
subscription PostCreated($community: String) {
  postCreated(community: $community) {
    title
    text
    community { name }
    author { username karma }
  }
}
`,
    variables: { community: null },
  },
  {
    group: "Community",
    title: "Top posts and votes",
    as: "dan",
    query: `# The posts people like best come from votes, their
# titles from posts, their authors' karma from accounts.
query TopPosts($community: String) {
  topPosts(community: $community, first: 10) {
    nodes {
      title
      score
      upvotes
      downvotes
      myVote
      author { username karma }
    }
  }
}

# One vote a person: the same again changes nothing,
# the other way moves it. The author's karma follows.
mutation Upvote($post: ID!) {
  upvote(postId: $post) {
    title
    score
    myVote
    author { username karma }
  }
}

mutation Downvote($post: ID!) {
  downvote(postId: $post) {
    title
    score
    myVote
    author { username karma }
  }
}

mutation ClearVote($post: ID!) {
  clearVote(postId: $post) {
    title
    score
    myVote
  }
}
`,
    variables: { community: null, post: "post_4" },
  },
  {
    group: "Community",
    title: "Follow votes",
    query: `# Stays open and shows the votes on a post whenever they
# change. Vote on it in another tab meanwhile.
subscription VoteChanged($post: ID!) {
  voteChanged(postId: $post) {
    title
    score
    upvotes
    downvotes
  }
}
`,
    variables: { post: "post_4" },
  },
];

/** Returns the name of an example: that of its first operation. */
export function nameOf({ query }) {
  return /^(?:query|mutation|subscription) (\w+)/m.exec(query)[1];
}

/** Returns an example in the form of GraphiQL's tabs. */
export function toTab({ query, variables }) {
  return { query, variables: variables ? JSON.stringify(variables, null, 2) : null };
}

export function exampleNamed(name) {
  return EXAMPLES.find((example) => nameOf(example) === name);
}

/** The tabs of a first visit; the first needs no sign-in. */
export const FIRST_TABS = ["Overview", "AcrossSubgraphs", "StockChanged"].map((name) => toTab(exampleNamed(name)));
