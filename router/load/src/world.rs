//! The things that all simulated people share: the stocks, books and products of this run, the brokers, and who lives where.
//!
//! A run lists things of its own, so that their sums are exact although other callers use the server too.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::caller::{Abandoned, Caller, NEVER, Outcome};
use crate::values::{id_number, money};

/// Prices of the stocks of a run in cents, and how many shares of each are listed. The last one is scarce.
const STOCKS: [i64; 5] = [1_599, 999, 20_099, 333, 1_250];
const SHARES: i64 = 50_000_000;
/// Prices of the books in cents. The last one is scarce.
const BOOKS: [i64; 5] = [4_000, 5_000, 1_500, 2_999, 1_000];
const COPIES: i64 = 10_000_000;
/// Prices of the products in cents. The last one is scarce.
const PRODUCTS: [i64; 3] = [1_250, 890, 3_900];
const UNITS: i64 = 10_000_000;
/// The number of a scarce thing for each person: less than people ask for.
const SCARCE_EACH: i64 = 2;
/// The fees of the brokers in hundredths of a percent; they take turns.
const FEES: [i64; 3] = [100, 150, 275];
/// People that share a broker.
const PEOPLE_PER_BROKER: usize = 10;
/// The age at which a session signs in again: a token is valid for 15 minutes.
const SESSION_AGE_MAX: Duration = Duration::from_secs(8 * 60);
/// The finished posts whose votes are compared at the end.
const FINISHED_POSTS_MAX: usize = 500;

/// The password of all simulated people.
pub const PASSWORD: &str = "load test password";

/// Everything that the people of a run share.
pub struct World {
    /// A name that no other run has: part of all usernames, titles and keys.
    pub run: String,
    /// The stocks.
    pub stocks: Vec<Item>,
    /// The books.
    pub books: Vec<Item>,
    /// The products.
    pub products: Vec<Item>,
    /// The brokers.
    pub brokers: Vec<Broker>,
    /// The person who lives at each place now.
    places: Vec<Mutex<Option<Arc<Neighbour>>>>,
    finished_posts: Mutex<Vec<(i64, Arc<Tally>)>>,
}

/// A stock, a book or a product of this run.
pub struct Item {
    /// The number in its id.
    pub id: i64,
    /// Its name, or a book's title.
    pub name: String,
    /// Its price in cents, which does not change.
    pub price: i64,
    /// The number at the start.
    pub listed: i64,
    /// Whether the server may refuse because too few are left.
    pub is_scarce: bool,
    /// The number that acknowledged requests took, less what they gave back.
    pub taken: AtomicI64,
}

impl Item {
    /// Notes what an acknowledged request took; below zero for what it gave back.
    pub fn take(&self, quantity: i64) {
        self.taken.fetch_add(quantity, Ordering::Relaxed);
    }

    /// Returns what has to be left at the end.
    pub fn left(&self) -> i64 {
        self.listed - self.taken.load(Ordering::Relaxed)
    }
}

/// A broker, whose token several people's trades use.
pub struct Broker {
    /// The number in the id.
    pub id: i64,
    /// The fee in hundredths of a percent.
    pub fee_basis_points: i64,
    /// Signed in.
    pub session: Session,
    /// The fees of all acknowledged trades, in cents.
    pub fees: AtomicI64,
}

/// A sign-in that is renewed before its token expires.
pub struct Session {
    login: String,
    password: String,
    token: tokio::sync::Mutex<(Arc<str>, Instant)>,
}

impl Session {
    /// Signs in.
    pub async fn open(caller: &mut Caller, login: &str, password: &str) -> Result<Self, Abandoned> {
        let token = sign_in(caller, login, password).await?;
        Ok(Self {
            login: login.to_owned(),
            password: password.to_owned(),
            token: tokio::sync::Mutex::new((token, Instant::now())),
        })
    }

    /// Returns a token that is valid for some minutes more.
    pub async fn token(&self, caller: &mut Caller) -> Result<Arc<str>, Abandoned> {
        let mut current = self.token.lock().await;
        if current.1.elapsed() > SESSION_AGE_MAX {
            *current = (sign_in(caller, &self.login, &self.password).await?, Instant::now());
        }
        Ok(current.0.clone())
    }
}

async fn sign_in(caller: &mut Caller, login: &str, password: &str) -> Result<Arc<str>, Abandoned> {
    const STEP: &str = "sign in (operator, broker)";
    let document =
        "mutation($login: String!, $password: String!) { login(login: $login, password: $password) { token } }";
    let variables = json!({ "login": login, "password": password });
    let answer = done(caller.graphql_as(None, STEP, document, variables, NEVER).await?)?;
    let token = answer.pointer("/login/token").and_then(|token| token.as_str());
    Ok(caller.needed(STEP, "token", token)?.into())
}

/// Takes the data of a request that allows no refusal.
pub fn done(outcome: Outcome) -> Result<serde_json::Value, Abandoned> {
    match outcome {
        Outcome::Done(answer) => Ok(answer.data),
        // Not reached: a refusal that is not allowed is an error already.
        Outcome::Refused => Err(Abandoned),
    }
}

/// The operator who lists the things of a run.
pub enum Operator {
    /// A service credential.
    Service(Arc<str>),
    /// An administrator.
    Person(Session),
}

impl Operator {
    /// Returns a valid token.
    pub async fn token(&self, caller: &mut Caller) -> Result<Arc<str>, Abandoned> {
        match self {
            Self::Service(token) => Ok(token.clone()),
            Self::Person(session) => session.token(caller).await,
        }
    }
}

/// The public side of a person: the address of messages, and the posts.
pub struct Neighbour {
    /// The username.
    pub username: String,
    /// The messages to this person by their text: the id once the server has acknowledged it.
    pub messages: Mutex<BTreeMap<String, Option<i64>>>,
    /// The posts of this person that exist.
    pub posts: Mutex<Vec<(i64, Arc<Tally>)>>,
}

impl Neighbour {
    /// Locks the messages.
    pub fn messages(&self) -> MutexGuard<'_, BTreeMap<String, Option<i64>>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the posts.
    pub fn posts(&self) -> MutexGuard<'_, Vec<(i64, Arc<Tally>)>> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The upvotes of others on a post.
#[derive(Debug, Default)]
pub struct Tally {
    /// Votes that were sent.
    pub sent: AtomicU32,
    /// Votes that the server has acknowledged.
    pub acknowledged: AtomicU32,
    /// The author's own vote, which is sent by one task: 1, 0 or -1.
    pub own: std::sync::atomic::AtomicI32,
}

impl World {
    /// Lists what the run needs and registers its brokers.
    pub async fn set_up(
        caller: &mut Caller,
        operator: &Operator,
        run: String,
        people: usize,
    ) -> Result<Self, Abandoned> {
        let token = operator.token(caller).await?;
        let scarce = SCARCE_EACH * i64::try_from(people).unwrap_or(i64::MAX / 4);
        let mut lister = Lister {
            caller,
            token,
            run: &run,
            scarce,
        };
        let stocks = lister.list(&STOCK, &STOCKS, SHARES).await?;
        let books = lister.list(&BOOK, &BOOKS, COPIES).await?;
        let products = lister.list(&PRODUCT, &PRODUCTS, UNITS).await?;
        let mut brokers = Vec::new();
        for place in 0..people.div_ceil(PEOPLE_PER_BROKER) {
            brokers.push(register_broker(caller, &run, place).await?);
        }
        Ok(Self {
            run,
            stocks,
            books,
            products,
            brokers,
            places: (0..people).map(|_| Mutex::new(None)).collect(),
            finished_posts: Mutex::new(Vec::new()),
        })
    }

    /// Returns the person who lives at that place, if any.
    pub fn neighbour(&self, place: usize) -> Option<Arc<Neighbour>> {
        self.place(place).clone()
    }

    /// Returns how many places there are.
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// Lets a person live at a place, or leave it.
    pub fn settle(&self, place: usize, neighbour: Option<Arc<Neighbour>>) {
        *self.place(place) = neighbour;
    }

    fn place(&self, place: usize) -> MutexGuard<'_, Option<Arc<Neighbour>>> {
        self.places[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps some posts of a person who leaves, for the comparison at the end.
    pub fn finish_posts(&self, posts: impl IntoIterator<Item = (i64, Arc<Tally>)>) {
        let mut finished = self.finished_posts.lock().unwrap_or_else(PoisonError::into_inner);
        let room = FINISHED_POSTS_MAX.saturating_sub(finished.len());
        finished.extend(posts.into_iter().take(room));
    }

    /// Returns the posts that [`finish_posts`](Self::finish_posts) kept.
    pub fn finished_posts(&self) -> Vec<(i64, Arc<Tally>)> {
        self.finished_posts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// How a kind of thing is listed.
struct Kind {
    document: &'static str,
    field: &'static str,
    name: &'static str,
    quantity: &'static str,
    label: &'static str,
}

const STOCK: Kind = Kind {
    document: "mutation($input: StockInput!, $key: String!) { added: listStock(input: $input, idempotencyKey: $key) { id } }",
    field: "list a stock",
    name: "name",
    quantity: "quantity",
    label: "Stock",
};
const BOOK: Kind = Kind {
    document: "mutation($input: BookInput!, $key: String!) { added: addBook(input: $input, idempotencyKey: $key) { id } }",
    field: "add a book",
    name: "title",
    quantity: "quantity",
    label: "Book",
};
const PRODUCT: Kind = Kind {
    document: "mutation($input: ProductInput!, $key: String!) { added: addProduct(input: $input, idempotencyKey: $key) { id } }",
    field: "add a product",
    name: "name",
    quantity: "available",
    label: "Product",
};

struct Lister<'a> {
    caller: &'a mut Caller,
    token: Arc<str>,
    run: &'a str,
    scarce: i64,
}

impl Lister<'_> {
    async fn list(&mut self, kind: &Kind, prices: &[i64], plenty: i64) -> Result<Vec<Item>, Abandoned> {
        let mut items = Vec::new();
        for (place, &price) in prices.iter().enumerate() {
            let is_scarce = place + 1 == prices.len();
            let listed = if is_scarce { self.scarce } else { plenty };
            let name = format!("{} {place} of run {}", kind.label, self.run);
            let mut input = json!({ kind.name: name, kind.quantity: listed, "price": money(price) });
            if kind.label == BOOK.label {
                input["topic"] = json!(topic(self.run));
            }
            let variables = json!({ "input": input, "key": format!("{} {}", self.run, name) });
            let token = Some(self.token.clone());
            let answer = self
                .caller
                .graphql_as(token, kind.field, kind.document, variables, NEVER)
                .await?;
            let data = done(answer)?;
            let id = data.pointer("/added/id").and_then(id_number);
            items.push(Item {
                id: self.caller.needed(kind.field, "id", id)?,
                name,
                price,
                listed,
                is_scarce,
                taken: AtomicI64::new(0),
            });
        }
        Ok(items)
    }
}

/// Returns the topic of all books of a run.
pub fn topic(run: &str) -> String {
    format!("load test {run}")
}

async fn register_broker(caller: &mut Caller, run: &str, place: usize) -> Result<Broker, Abandoned> {
    const STEP: &str = "register a broker";
    let fee_basis_points = FEES[place % FEES.len()];
    let username = format!("b{run}x{place}");
    let document = "mutation($input: RegisterInput!, $key: String!) { register(input: $input, idempotencyKey: $key) { user { id } } }";
    let variables = json!({
        "input": {
            "username": username,
            "password": PASSWORD,
            "role": "BROKER",
            "brokerageFeePercent": fee_basis_points as f64 / 100.0,
        },
        "key": format!("{run} broker {place}"),
    });
    let data = done(caller.graphql_as(None, STEP, document, variables, NEVER).await?)?;
    let id = data.pointer("/register/user/id").and_then(id_number);
    Ok(Broker {
        id: caller.needed(STEP, "id", id)?,
        fee_basis_points,
        session: Session::open(caller, &username, PASSWORD).await?,
        fees: AtomicI64::new(0),
    })
}
