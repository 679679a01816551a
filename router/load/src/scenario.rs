//! A simulated person: registers, uses all services for some rounds, reads everything back, and leaves.

mod books;
mod brokered;
mod community;
mod messages;
mod read_back;
mod shop;
mod trading;
mod wallet;

pub(crate) use community::VoteBounds;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::caller::{Abandoned, Allowed, Caller, NEVER};
use crate::person::Person;
use crate::values::id_number;
use crate::watch::Watch;
use crate::world::{Neighbour, PASSWORD, World, done};

/// The longest wait for an event of a subscription.
const EVENT_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause before a WebSocket is tried again at a server that is away.
const OPEN_PAUSE: Duration = Duration::from_millis(200);

/// How a life goes.
#[derive(Clone, Copy, Debug)]
pub struct LifePlan {
    /// The rounds of activities.
    pub rounds: u32,
    /// The pause between two activities.
    pub think: Duration,
    /// When no new activity begins; the person reads everything back then.
    pub deadline: Option<Instant>,
}

impl LifePlan {
    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// A person at work.
pub(crate) struct Player {
    caller: Caller,
    person: Person,
    world: Arc<World>,
    neighbour: Arc<Neighbour>,
    random: StdRng,
    place: usize,
    watch: Watch,
    /// The token that continues the session; it is valid once.
    refresh_token: Option<String>,
    /// The number of the last idempotency key.
    keys: u32,
    name: String,
}

/// One thing that a person does in a round.
#[derive(Clone, Copy)]
enum Activity {
    LookUp,
    Trade,
    WatchOrders,
    Broker,
    Books,
    Shop,
    Posts,
    Votes,
    Messages,
    Money,
    Refresh,
}

const ACTIVITIES: [Activity; 11] = [
    Activity::LookUp,
    Activity::Trade,
    Activity::WatchOrders,
    Activity::Broker,
    Activity::Books,
    Activity::Shop,
    Activity::Posts,
    Activity::Votes,
    Activity::Messages,
    Activity::Money,
    Activity::Refresh,
];

/// Lives one life at a place, and gives the caller back for the next one.
///
/// An error or a wrong answer ends the life; it is recorded.
pub(crate) async fn live(
    caller: Caller,
    world: &Arc<World>,
    place: usize,
    life: u32,
    seed: u64,
    plan: LifePlan,
) -> bool {
    let Ok(mut player) = Player::register(caller, world, place, life, seed).await else {
        return false;
    };
    let lived = player.live(plan).await;
    world.settle(place, None);
    if lived.is_ok() {
        let posts = player.person.posts.iter();
        world.finish_posts(posts.map(|(id, post)| (*id, post.tally.clone())));
    }
    lived.is_ok()
}

impl Player {
    async fn live(&mut self, plan: LifePlan) -> Result<(), Abandoned> {
        self.deposit().await?;
        self.begin_watch().await?;
        self.begin_messages().await?;
        self.world.settle(self.place, Some(self.neighbour.clone()));
        for _ in 0..plan.rounds {
            let mut activities = ACTIVITIES;
            activities.shuffle(&mut self.random);
            for activity in activities {
                if plan.is_over() {
                    break;
                }
                self.act(activity).await?;
                if !plan.think.is_zero() {
                    tokio::time::sleep(plan.think).await;
                }
            }
        }
        self.read_back().await
    }

    async fn act(&mut self, activity: Activity) -> Result<(), Abandoned> {
        match activity {
            Activity::LookUp => self.look_up_stocks().await,
            Activity::Trade => self.trade().await,
            Activity::WatchOrders => self.watch_an_order().await,
            Activity::Broker => self.trade_through_a_broker().await,
            Activity::Books => self.buy_a_book().await,
            Activity::Shop => self.use_the_shop().await,
            Activity::Posts => self.write_posts().await,
            Activity::Votes => self.vote().await,
            Activity::Messages => self.exchange_messages().await,
            Activity::Money => self.move_money().await,
            Activity::Refresh => self.refresh().await,
        }
    }

    /// Registers as an investor, through one of the interfaces that do so, and opens the WebSocket.
    async fn register(
        mut caller: Caller,
        world: &Arc<World>,
        place: usize,
        life: u32,
        seed: u64,
    ) -> Result<Self, Abandoned> {
        let mut random = StdRng::seed_from_u64(seed ^ (u64::try_from(place).unwrap_or(0) << 32) ^ u64::from(life));
        let name = format!("p{}x{place}x{life}", world.run);
        caller.token = None;
        let (id, token, refresh) = if random.random_bool(0.5) {
            register_by_graphql(&mut caller, &name).await?
        } else {
            register_by_rest(&mut caller, &name).await?
        };
        caller.token = Some(token.as_str().into());
        let watch = open_watch(&caller, &token).await?;
        Ok(Self {
            caller,
            person: Person {
                id,
                ..Person::default()
            },
            world: world.clone(),
            neighbour: Arc::new(Neighbour {
                username: name.clone(),
                messages: Default::default(),
                posts: Default::default(),
            }),
            random,
            place,
            watch,
            refresh_token: refresh,
            keys: 0,
            name,
        })
    }

    /// Continues the session with new tokens, as a client does before its token expires, and compares the identity.
    async fn refresh(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "refresh the session";
        let Some(refresh) = self.refresh_token.take() else {
            return self.sign_in().await;
        };
        let document =
            "mutation($token: String!) { refresh(token: $token) { token refreshToken user { id username } } }";
        let variables = json!({ "token": refresh });
        // A refresh token is valid once: after a lost answer, the session has ended.
        let allowed = Allowed {
            codes: &[],
            done_before: Some("UNAUTHENTICATED"),
        };
        let data = done(self.caller.graphql_as(None, STEP, document, variables, allowed).await?)?;
        if data.is_null() {
            return self.sign_in().await;
        }
        self.take_session(STEP, &data["refresh"])
    }

    /// Signs in by name or by email. A person who registered through REST has no refresh token yet.
    async fn sign_in(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "sign in";
        let document = "mutation($login: String!, $password: String!) {
            login(login: $login, password: $password) { token refreshToken user { id username } } }";
        let login = if self.random.random_bool(0.5) {
            self.name.clone()
        } else {
            email(&self.name)
        };
        let variables = json!({ "login": login, "password": PASSWORD });
        let data = done(self.caller.graphql_as(None, STEP, document, variables, NEVER).await?)?;
        self.take_session(STEP, &data["login"])
    }

    fn take_session(&mut self, step: &'static str, session: &Value) -> Result<(), Abandoned> {
        self.caller
            .same(step, "the id", Some(self.person.id), id_number(&session["user"]["id"]))?;
        self.caller.same(
            step,
            "the username",
            Some(&*self.name),
            session["user"]["username"].as_str(),
        )?;
        let token = self.caller.needed(step, "token", session["token"].as_str())?;
        let refresh = self
            .caller
            .needed(step, "refresh token", session["refreshToken"].as_str())?;
        self.caller.token = Some(token.into());
        self.refresh_token = Some(refresh.to_owned());
        Ok(())
    }

    /// Returns a new idempotency key.
    fn key(&mut self) -> String {
        self.keys += 1;
        format!("{} {}", self.name, self.keys)
    }

    /// Whether the next request goes over REST.
    fn over_rest(&mut self) -> bool {
        self.random.random_bool(0.5)
    }

    /// Records that an event of a subscription did not arrive.
    fn missed(&self, step: &'static str, reason: String) -> Abandoned {
        self.caller.wrong(step, reason)
    }

    /// Begins to watch again where a server that may be away has ended the WebSocket, and returns whether it had. The events
    /// until then are not known.
    async fn watch_again(&mut self) -> Result<bool, Abandoned> {
        if self.caller.away().is_zero() || !self.watch.has_ended() {
            return Ok(false);
        }
        self.begin_watch().await?;
        self.begin_messages().await?;
        Ok(true)
    }

    /// Opens the WebSocket again if a server that may be away has ended it, and returns whether it had.
    async fn reopen_watch(&mut self) -> Result<bool, Abandoned> {
        if self.caller.away().is_zero() || !self.watch.has_ended() {
            return Ok(false);
        }
        let token = self.caller.token.clone().unwrap_or_default();
        self.watch = open_watch(&self.caller, &token).await?;
        Ok(true)
    }
}

/// Opens the WebSocket. A server that may be away gets some time for it.
async fn open_watch(caller: &Caller, token: &str) -> Result<Watch, Abandoned> {
    let began = Instant::now();
    loop {
        match Watch::open(caller.target(), token).await {
            Ok(watch) => return Ok(watch),
            Err(_) if began.elapsed() < caller.away() => tokio::time::sleep(OPEN_PAUSE).await,
            Err(reason) => return Err(caller.wrong("open the WebSocket", reason)),
        }
    }
}

/// Returns the email of a simulated person.
fn email(name: &str) -> String {
    format!("{name}@load.example")
}

/// Returns the id, the token, and the token that continues the session.
async fn register_by_graphql(caller: &mut Caller, name: &str) -> Result<(i64, String, Option<String>), Abandoned> {
    const STEP: &str = "register";
    let document = "mutation($input: RegisterInput!, $key: String!) {
        register(input: $input, idempotencyKey: $key) { token refreshToken user { id username } } }";
    let input = json!({
        "username": name, "email": email(name), "password": PASSWORD, "role": "INVESTOR",
        "address": { "street": "Harbour Lane", "number": "7", "zipCode": "10115" },
    });
    let variables = json!({ "input": input, "key": format!("{name} register") });
    let data = done(caller.graphql(STEP, document, variables, NEVER).await?)?;
    let username = data.pointer("/register/user/username").and_then(Value::as_str);
    caller.same(STEP, "the username", Some(name), username)?;
    let id = data.pointer("/register/user/id").and_then(id_number);
    let token = data.pointer("/register/token").and_then(Value::as_str);
    let refresh = data.pointer("/register/refreshToken").and_then(Value::as_str);
    Ok((
        caller.needed(STEP, "id", id)?,
        caller.needed(STEP, "token", token)?.to_owned(),
        refresh.map(str::to_owned),
    ))
}

/// As [`register_by_graphql`]; these routes give no token that continues the session.
async fn register_by_rest(caller: &mut Caller, name: &str) -> Result<(i64, String, Option<String>), Abandoned> {
    const STEP: &str = "register (REST)";
    let body = json!({
        "name": "Load", "surname": name, "email": email(name), "password": PASSWORD, "type": "investor", "username": name,
    });
    let key = Some(format!("{name} register"));
    let path = "/brokerage/users/register".to_owned();
    let data = done(caller.rest(STEP, (Method::POST, path), Some(body), key, NEVER).await?)?;
    caller.same(STEP, "the email", Some(&*email(name)), data["email"].as_str())?;
    let id = caller.needed(STEP, "id", data["id"].as_i64())?;

    const LOGIN: &str = "sign in (REST)";
    let body = json!({ "email": email(name), "password": PASSWORD });
    let path = "/brokerage/users/login".to_owned();
    let data = done(
        caller
            .rest(LOGIN, (Method::POST, path), Some(body), None, NEVER)
            .await?,
    )?;
    caller.same(LOGIN, "the id", Some(id), data["userId"].as_i64())?;
    let token = caller.needed(LOGIN, "token", data["token"].as_str())?;
    Ok((id, token.to_owned(), None))
}
