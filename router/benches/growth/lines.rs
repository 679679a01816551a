//! Every list and look-up of the public schema, with the caller who may read it.

use serde_json::Value;

use crate::key::Caller::{self, Administrator, Anonymous, Broker, Investor};
use crate::key::Key;

/// A field that lists or looks up.
pub struct Line {
    /// The field of `Query`, or the type and the field.
    pub field: &'static str,
    /// The arguments, where a field has several lines.
    pub detail: &'static str,
    pub caller: Caller,
    /// The selection set of the operation, with `PAGE` where the arguments of a page belong.
    selection: &'static str,
    /// The variables, if any.
    pub key: Key,
    /// Why the line may cost more with more rows.
    pub exception: Option<&'static str>,
}

impl Line {
    const fn new(field: &'static str, caller: Caller, selection: &'static str) -> Self {
        Self {
            field,
            detail: "",
            caller,
            selection,
            key: Key::None,
            exception: None,
        }
    }

    const fn with(self, detail: &'static str) -> Self {
        Self { detail, ..self }
    }

    const fn by(self, key: Key) -> Self {
        Self { key, ..self }
    }

    const fn because(self, reason: &'static str) -> Self {
        Self {
            exception: Some(reason),
            ..self
        }
    }

    /// Whether it has pages.
    pub fn is_list(&self) -> bool {
        self.selection.contains("PAGE")
    }

    /// Returns the operation for a page with that many nodes after `$after`.
    pub fn query(&self, page: usize) -> String {
        let mut declarations = Vec::from_iter(self.key.declaration());
        if self.is_list() {
            declarations.push("$after: String");
        }
        operation(
            &declarations,
            &self.selection.replace("PAGE", &format!("first: {page}, after: $after")),
        )
    }

    /// Returns the operation for the last nodes.
    pub fn query_of_last(&self, nodes: usize) -> String {
        let declarations = Vec::from_iter(self.key.declaration());
        operation(
            &declarations,
            &self.selection.replace("PAGE", &format!("last: {nodes}")),
        )
    }

    /// Returns the only connection of an answer.
    pub fn connection<'a>(&self, answer: &'a Value) -> &'a Value {
        let mut found = answer;
        while found.get("nodes").is_none() {
            let fields = found.as_object().unwrap_or_else(|| panic!("{}: {answer}", self.field));
            found = fields
                .values()
                .next()
                .unwrap_or_else(|| panic!("{}: {answer}", self.field));
        }
        found
    }

    /// Checks that the answer has a full page, or the row that was asked for.
    pub fn require_answer(&self, answer: &Value, page: usize) {
        if self.is_list() {
            let nodes = self.connection(answer)["nodes"].as_array().map_or(0, Vec::len);
            assert_eq!(nodes, page, "{}{}: {answer}", self.field, self.detail);
        } else {
            let fields = answer.as_object().expect("an answer");
            assert!(
                fields.values().all(|value| !value.is_null()),
                "{}{}: {answer}",
                self.field,
                self.detail
            );
        }
    }
}

fn operation(declarations: &[&str], selection: &str) -> String {
    if declarations.is_empty() {
        format!("query {selection}")
    } else {
        format!("query({}) {selection}", declarations.join(", "))
    }
}

macro_rules! page {
    ($field:literal, $nodes:literal) => {
        concat!(
            "{ ",
            $field,
            " { pageInfo { startCursor hasNextPage } nodes { ",
            $nodes,
            " } } }"
        )
    };
    ($outer:literal, $field:literal, $nodes:literal) => {
        concat!(
            "{ ",
            $outer,
            " { ",
            $field,
            " { pageInfo { startCursor hasNextPage } nodes { ",
            $nodes,
            " } } } }"
        )
    };
}

/// All lines.
pub const LINES: &[Line] = &[
    Line::new(
        "authorization",
        Investor,
        "{ authorization(id: $id) { id active remaining broker { username } } }",
    )
    .by(Key::Authorization),
    Line::new(
        "me",
        Investor,
        "{ me { id username displayName role karma wallet { balance } } }",
    ),
    Line::new("user", Anonymous, "{ user(id: $id) { id username karma } }").by(Key::User),
    Line::new("user", Anonymous, "{ user(username: $name) { id username karma } }")
        .with("(username)")
        .by(Key::Username),
    Line::new("users", Investor, page!("users(PAGE)", "id username role")),
    Line::new(
        "users",
        Investor,
        page!("users(PAGE, role: BROKER)", "id username brokerageFeePercent"),
    )
    .with("(role)"),
    Line::new("book", Anonymous, "{ book(id: $id) { id title price quantity } }").by(Key::Good),
    Line::new(
        "bookPurchase",
        Investor,
        "{ bookPurchase(id: $id) { id title book { title } } }",
    )
    .by(Key::OwnRow),
    Line::new(
        "bookPurchases",
        Administrator,
        page!("bookPurchases(PAGE)", "id title book { title } buyer { username }"),
    ),
    Line::new(
        "books",
        Anonymous,
        page!("books(PAGE)", "id title price quantity topic"),
    ),
    Line::new(
        "books",
        Anonymous,
        page!("books(PAGE, topic: \"Topic 7\")", "id title price"),
    )
    .with("(topic)"),
    Line::new("books", Anonymous, page!("books(PAGE, text: \"7\")", "id title price")).with("(text)"),
    Line::new(
        "books",
        Anonymous,
        "{ books(first: 25, text: \"Book 1999\") { nodes { id title } } }",
    )
    .with("(rare text)")
    .because("a text can be anywhere in a title: all titles are read"),
    Line::new("topics", Anonymous, "{ topics }").because("up to 1,000 topics in one list"),
    Line::new(
        "brokerageOrder",
        Investor,
        "{ brokerageOrder(id: $id) { id status side stock { name } } }",
    )
    .by(Key::OwnRow),
    Line::new(
        "holding",
        Investor,
        "{ holding(id: $id) { id free marketValue stock { name } } }",
    )
    .by(Key::Holding),
    Line::new(
        "exchangeOrder",
        Anonymous,
        "{ exchangeOrder(number: $number) { number side stock { name } } }",
    )
    .by(Key::Number),
    Line::new(
        "exchangeOrders",
        Administrator,
        page!("exchangeOrders(PAGE)", "number side stock { name } trader { username }"),
    ),
    Line::new(
        "exchangeOrders",
        Administrator,
        page!("exchangeOrders(PAGE, afterNumber: 500)", "number side"),
    )
    .with("(afterNumber)"),
    Line::new("orderReplicas", Administrator, "{ orderReplicas { id } }"),
    Line::new("stock", Anonymous, "{ stock(id: $id) { id name price quantity } }").by(Key::Stock),
    Line::new("stock", Anonymous, "{ stock(name: $name) { id name price quantity } }")
        .with("(name)")
        .by(Key::StockName),
    Line::new("stock", Investor, "{ stock(id: $id) { id myHolding { free } } }")
        .with(" and myHolding")
        .by(Key::Stock),
    Line::new("stocks", Anonymous, page!("stocks(PAGE)", "id name price quantity")),
    Line::new(
        "node",
        Anonymous,
        "{ node(id: $id) { id ... on Post { title author { username } } } }",
    )
    .by(Key::PostNode),
    Line::new(
        "nodes",
        Anonymous,
        "{ nodes(ids: $ids) { id ... on Post { title author { username } } } }",
    )
    .by(Key::PostNodes),
    Line::new("User.inbox", Investor, "{ me { inbox(first: 1) { totalCount } } }")
        .with(" totalCount")
        .because("the rows of the list are counted in an index"),
    Line::new(
        "Wallet.transactions",
        Investor,
        "{ me { wallet { transactions(first: 1) { totalCount } } } }",
    )
    .with(" totalCount")
    .because("the rows of the list are counted in an index"),
    Line::new(
        "message",
        Investor,
        "{ message(id: $id) { id contents from { username } } }",
    )
    .by(Key::OwnRow),
    Line::new(
        "messages",
        Investor,
        page!("messages(PAGE, to: \"user1\")", "id contents from { username }"),
    )
    .with("(to)"),
    Line::new(
        "messages",
        Administrator,
        page!("messages(PAGE, favorite: true)", "id contents from { username }"),
    )
    .with("(favorite)"),
    Line::new(
        "messages",
        Administrator,
        page!("messages(PAGE, favorite: false)", "id contents from { username }"),
    )
    .with("(not favorite)"),
    Line::new(
        "messages",
        Administrator,
        page!("messages(PAGE, to: \"user1\", favorite: true)", "id contents"),
    )
    .with("(to, favorite)"),
    Line::new(
        "messages",
        Administrator,
        page!("messages(PAGE, to: \"user1\", favorite: false)", "id contents"),
    )
    .with("(to, not favorite)"),
    Line::new("communities", Anonymous, page!("communities(PAGE)", "name")),
    Line::new("community", Anonymous, "{ community(name: $name) { name } }").by(Key::CommunityName),
    Line::new(
        "Community.posts",
        Anonymous,
        page!(
            "community(name: \"Community1\")",
            "posts(PAGE)",
            "id title author { username } score"
        ),
    ),
    Line::new(
        "post",
        Anonymous,
        "{ post(id: $id) { id title author { username } score } }",
    )
    .by(Key::Row),
    Line::new(
        "recentPosts",
        Anonymous,
        page!(
            "recentPosts(PAGE)",
            "id title author { username } community { name } score"
        ),
    ),
    Line::new(
        "recentPosts",
        Anonymous,
        page!("recentPosts(PAGE, community: \"Community1\")", "id title"),
    )
    .with("(community)"),
    Line::new("product", Anonymous, "{ product(id: $id) { id name price available } }").by(Key::Good),
    Line::new(
        "products",
        Anonymous,
        page!("products(PAGE)", "id name price available"),
    ),
    Line::new(
        "products",
        Anonymous,
        page!("products(PAGE, text: \"7\")", "id name price"),
    )
    .with("(text)"),
    Line::new(
        "products",
        Anonymous,
        "{ products(first: 25, text: \"Product 1999\") { nodes { id name } } }",
    )
    .with("(rare text)")
    .because("a text can be anywhere in a name: all names are read"),
    Line::new(
        "shopOrder",
        Investor,
        "{ shopOrder(id: $id) { id quantity product { name } } }",
    )
    .by(Key::OwnRow),
    Line::new(
        "postVotes",
        Anonymous,
        "{ postVotes(postId: $id) { id score upvotes } }",
    )
    .by(Key::Row),
    Line::new("postVotes", Investor, "{ postVotes(postId: $id) { id score myVote } }")
        .with(" and myVote")
        .by(Key::OwnRow),
    Line::new("postsByScore", Anonymous, "{ postsByScore(ids: $ids) { id score } }").by(Key::Rows),
    Line::new(
        "topPosts",
        Anonymous,
        page!("topPosts(PAGE)", "id title score author { username }"),
    ),
    Line::new(
        "topPosts",
        Anonymous,
        page!("topPosts(PAGE, community: \"Community1\")", "id title score"),
    )
    .with("(community)"),
    Line::new("topVoted", Anonymous, page!("topVoted(PAGE)", "id score")),
    Line::new("transaction", Investor, "{ transaction(id: $id) { id amount type } }").by(Key::OwnRow),
    Line::new(
        "User.authorizations",
        Investor,
        page!("me", "authorizations(PAGE)", "id active broker { username }"),
    ),
    Line::new(
        "User.authorizations",
        Investor,
        page!("me", "authorizations(PAGE, active: true)", "id remaining"),
    )
    .with("(active)"),
    Line::new(
        "User.authorizations",
        Investor,
        page!("me", "authorizations(PAGE, active: false)", "id endedAt"),
    )
    .with("(not active)"),
    Line::new(
        "User.authorizations",
        Broker,
        page!("me", "authorizations(PAGE)", "id active investor { username }"),
    )
    .with(" of a broker"),
    Line::new(
        "User.authorizations",
        Broker,
        page!("me", "authorizations(PAGE, active: true)", "id remaining"),
    )
    .with("(active) of a broker"),
    Line::new(
        "User.bookPurchases",
        Investor,
        page!("me", "bookPurchases(PAGE)", "id title book { title }"),
    ),
    Line::new(
        "User.brokerageOrders",
        Investor,
        page!("me", "brokerageOrders(PAGE)", "id status stock { name }"),
    ),
    Line::new(
        "User.brokerageOrders",
        Investor,
        page!("me", "brokerageOrders(PAGE, side: BUY)", "id status"),
    )
    .with("(side)"),
    Line::new(
        "User.brokerageOrders",
        Investor,
        page!("me", "brokerageOrders(PAGE, status: PENDING)", "id side"),
    )
    .with("(pending)"),
    Line::new(
        "User.brokerageOrders",
        Investor,
        page!("me", "brokerageOrders(PAGE, status: COMPLETED)", "id side"),
    )
    .with("(completed)"),
    Line::new(
        "User.brokerageOrders",
        Investor,
        page!("me", "brokerageOrders(PAGE, side: SELL, status: CANCELLED)", "id"),
    )
    .with("(side, cancelled)"),
    Line::new(
        "User.brokerageOrders",
        Broker,
        page!("me", "brokerageOrders(PAGE)", "id status investor { username }"),
    )
    .with(" of a broker"),
    Line::new(
        "User.brokerageOrders",
        Broker,
        page!("me", "brokerageOrders(PAGE, side: BUY, status: COMPLETED)", "id"),
    )
    .with("(side, completed) of a broker"),
    Line::new(
        "User.holdings",
        Investor,
        page!("me", "holdings(PAGE)", "id free stock { name }"),
    ),
    Line::new("User.portfolioValue", Investor, "{ me { portfolioValue } }"),
    Line::new(
        "User.inbox",
        Investor,
        page!("me", "inbox(PAGE)", "id contents from { username }"),
    ),
    Line::new(
        "User.inbox",
        Investor,
        page!("me", "inbox(PAGE, favorite: true)", "id contents"),
    )
    .with("(favorite)"),
    Line::new(
        "User.inbox",
        Investor,
        page!("me", "inbox(PAGE, favorite: false)", "id contents"),
    )
    .with("(not favorite)"),
    Line::new(
        "User.inbox",
        Investor,
        page!("me", "inbox(PAGE, unread: true)", "id contents"),
    )
    .with("(unread)"),
    Line::new(
        "User.inbox",
        Investor,
        page!("me", "inbox(PAGE, unread: false)", "id contents"),
    )
    .with("(read)"),
    Line::new(
        "User.inbox",
        Investor,
        page!("me", "inbox(PAGE, favorite: true, unread: true)", "id contents"),
    )
    .with("(favorite, unread)"),
    Line::new(
        "User.sent",
        Investor,
        page!("me", "sent(PAGE)", "id contents to { username }"),
    ),
    Line::new("User.unreadCount", Investor, "{ me { unreadCount } }").because("the unread messages are counted"),
    Line::new(
        "User.posts",
        Anonymous,
        page!("user(username: \"user1\")", "posts(PAGE)", "id title score"),
    ),
    Line::new(
        "User.shopOrders",
        Investor,
        page!("me", "shopOrders(PAGE)", "id quantity product { name }"),
    ),
    Line::new("User.wallets", Investor, "{ me { wallets { id balance } } }"),
    Line::new(
        "Wallet.holds",
        Investor,
        page!("me { wallet", "holds(PAGE)", "id amount order { id } } "),
    ),
    Line::new(
        "Wallet.holds",
        Investor,
        page!("me { wallet", "holds(PAGE, status: PENDING)", "id amount } "),
    )
    .with("(pending)"),
    Line::new(
        "Wallet.transactions",
        Investor,
        page!("me { wallet", "transactions(PAGE)", "id amount order { id } } "),
    ),
    Line::new(
        "Wallet.transactions",
        Investor,
        page!("me { wallet", "transactions(PAGE, type: GRANT)", "id amount } "),
    )
    .with("(type)"),
    Line::new(
        "Wallet.transactions",
        Investor,
        page!("me { wallet", "transactions(PAGE, account: BALANCE)", "id amount } "),
    )
    .with("(account)"),
    Line::new(
        "Wallet.transactions",
        Investor,
        page!(
            "me { wallet",
            "transactions(PAGE, types: [GRANT, HOLD])",
            "id amount } "
        ),
    )
    .with("(types)"),
    Line::new(
        "Wallet.transactions",
        Investor,
        page!(
            "me { wallet",
            "transactions(PAGE, type: HOLD, account: HELD)",
            "id amount } "
        ),
    )
    .with("(type, account)"),
];
