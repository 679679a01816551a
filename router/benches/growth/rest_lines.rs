//! Every `GET` route of the REST mounts that asks the graph, with the caller who may read it.

use agora::rest::{Mount, ResponseSource, Route, Service, Verb, mounts};

use crate::key::Caller::{self, Anonymous, Broker, Investor};
use crate::key::Key;
use crate::rows::Sizes;

/// A route that lists or looks up.
pub struct RestLine {
    /// `MOUNT SERVICE ROUTE`, by their names in the tables.
    pub route: &'static str,
    /// The query, with `?`.
    pub query: &'static str,
    pub caller: Caller,
    /// The row of the parameter in the path, if there is one.
    key: Key,
    /// Why the line may cost more with more rows.
    pub exception: Option<&'static str>,
}

impl RestLine {
    const fn new(route: &'static str, caller: Caller, key: Key) -> Self {
        Self {
            route,
            query: "",
            caller,
            key,
            exception: None,
        }
    }

    const fn with(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    const fn because(self, reason: &'static str) -> Self {
        Self {
            exception: Some(reason),
            ..self
        }
    }

    /// Returns the path and the query of a request, which selects another row than the requests before it.
    pub fn path(&self, sizes: &Sizes, request: i64) -> String {
        let (mount, service, route) = self.row();
        let path = format!("{}{}{}{}", mount.prefix, service.prefixes[0], route.path, self.query);
        let variables = self.key.variables(sizes, request);
        let Some(value) = variables.as_object().and_then(|variables| variables.values().next()) else {
            return path;
        };
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (start, rest) = path.split_once('{').expect("a parameter in the path");
        let (_, end) = rest.split_once('}').expect("the end of the parameter");
        format!("{start}{value}{end}")
    }

    /// Whether its answer may end at a limit and link to its rest.
    pub fn is_list(&self) -> bool {
        self.row().2.source.is_list()
    }

    fn row(&self) -> (&'static Mount, &'static Service, &'static Route) {
        let found = rows().find(|(mount, service, route)| name(mount, service, route) == self.route);
        found.unwrap_or_else(|| panic!("no table has the route {}", self.route))
    }
}

/// Returns the names of the routes that have no line.
pub fn missing_routes() -> Vec<String> {
    rows()
        .map(|(mount, service, route)| name(mount, service, route))
        .filter(|name| !REST_LINES.iter().any(|line| line.route == name))
        .collect()
}

fn rows() -> impl Iterator<Item = (&'static Mount, &'static Service, &'static Route)> {
    let all = mounts().iter().flat_map(|mount| {
        let services = mount.services.iter();
        services.flat_map(move |service| service.routes.iter().map(move |route| (mount, service, route)))
    });
    all.filter(|(_, _, route)| route.verb == Verb::Get && !matches!(route.source, ResponseSource::Fixed(_)))
}

fn name(mount: &Mount, service: &Service, route: &Route) -> String {
    format!("{} {} {}", mount.name, service.name, route.name)
}

/// The reason of lists that have less than two full parts with the fewest rows.
const FEWER_NEXT_ROWS: &str = "there are fewer next rows with the fewest rows";

/// All lines.
pub const REST_LINES: &[RestLine] = &[
    RestLine::new("bazaar catalog lookUpStock", Anonymous, Key::StockName),
    RestLine::new("bazaar order lookUpOrder", Anonymous, Key::Number),
    RestLine::new("bazaar order ping", Anonymous, Key::None),
    RestLine::new("bazaar front getOrder", Anonymous, Key::Number),
    RestLine::new("bazaar front getStock", Anonymous, Key::StockName),
    RestLine::new("bookstore catalog listBooks", Anonymous, Key::None),
    RestLine::new("bookstore catalog getBook", Anonymous, Key::Good),
    RestLine::new("bookstore catalog getBookInfo", Anonymous, Key::Good),
    RestLine::new("bookstore catalog searchBooks", Anonymous, Key::TopicName).because(FEWER_NEXT_ROWS),
    RestLine::new("bookstore front getBookInfo", Anonymous, Key::Good),
    RestLine::new("bookstore front searchBooks", Anonymous, Key::TopicName).because(FEWER_NEXT_ROWS),
    RestLine::new("bookstore order listOrders", Anonymous, Key::None),
    RestLine::new("bookstore order getOrder", Anonymous, Key::Row),
    RestLine::new("brokerage user listAuthorizations", Investor, Key::None),
    RestLine::new("brokerage user listAuthorizations", Investor, Key::None).with("?active=true"),
    RestLine::new("brokerage user getAuthorization", Investor, Key::Authorization),
    RestLine::new("brokerage user listUsers", Investor, Key::None),
    RestLine::new("brokerage user listUsers", Investor, Key::None).with("?type=broker"),
    RestLine::new("brokerage user getUser", Investor, Key::User),
    RestLine::new("brokerage wallet getBalance", Investor, Key::None),
    RestLine::new("brokerage wallet listTransactions", Investor, Key::None),
    RestLine::new("brokerage wallet listTransactions", Investor, Key::None).with("?type=deposit"),
    RestLine::new("brokerage wallet getTransaction", Investor, Key::OwnDeposit),
    RestLine::new("brokerage stock listOrders", Investor, Key::None),
    RestLine::new("brokerage stock listOrders", Broker, Key::None).with("?status=COMPLETED"),
    RestLine::new("brokerage stock listOrders", Investor, Key::None)
        .with("?type=PURCHASE&status=PENDING")
        .because(FEWER_NEXT_ROWS),
    RestLine::new("brokerage stock getOrder", Investor, Key::OwnRow),
    RestLine::new("brokerage stock listStockholdings", Investor, Key::None),
    RestLine::new("brokerage stock getStockholding", Investor, Key::Holding),
    RestLine::new("brokerage stock listStocks", Investor, Key::None),
    RestLine::new("brokerage stock getStock", Investor, Key::Stock),
    RestLine::new(
        "community posts listRecentPostsOfCommunity",
        Anonymous,
        Key::CommunityName,
    )
    .with("?n=25"),
    RestLine::new("community posts listRecentPosts", Anonymous, Key::None).with("?n=25"),
    RestLine::new("community posts listRecentPosts", Anonymous, Key::None).with("?n=25&community=Community1"),
    RestLine::new("community posts getPost", Anonymous, Key::Row),
    RestLine::new("community messages listMessages", Anonymous, Key::None).with("?favorite=true"),
    RestLine::new("community messages listMessages", Anonymous, Key::None).with("?userTo=user1"),
    RestLine::new("community messages listMessages", Anonymous, Key::None).with("?userTo=user1&favorite=true"),
    RestLine::new("community messages getMessage", Anonymous, Key::Row),
    RestLine::new("community users getUser", Anonymous, Key::Username),
    RestLine::new("community votes listVotes", Anonymous, Key::None).with("?ids=1,2,3,4,5,6,7,8"),
    RestLine::new("community votes listTopVotes", Anonymous, Key::None).with("?n=25"),
    RestLine::new("community votes getVotes", Anonymous, Key::Row),
    RestLine::new("shop order getOrder", Anonymous, Key::Row),
    RestLine::new("shop user getUser", Anonymous, Key::User),
    RestLine::new("shop order listOrdersOfUser", Anonymous, Key::InvestorId),
];
