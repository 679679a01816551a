//! The contract between the router and the domains.
//!
//! A domain is one public function, `schema(services)`, that turns [`Services`] into an async-graphql schema. This
//! crate has everything that it needs, so that no domain depends on another: the caller ([`Viewer`]), errors
//! ([`Error`]), reads and writes ([`Db`]), the time ([`Clock`]) and events ([`Bus`]).

mod arriving_rows;
mod budget;
mod changed;
mod changed_rows;
mod client_address;
mod clock;
mod context;
mod date;
mod date_time;
mod db;
mod error;
mod event;
mod federated;
mod follow;
mod id;
mod idempotency;
mod in_name;
mod int;
mod invalidation;
mod loader;
mod money;
mod order_log;
mod page;
mod patch;
mod private_file;
mod scalar;
mod services;
mod session;
mod settings;
mod settle;
mod side;
mod sweep;
mod text;
mod token;
mod viewer;

pub use arriving_rows::{ArrivingRows, arriving_rows};
pub use budget::{AnswerBudget, AnswerPool, BudgetError};
pub use changed::Changed;
pub use changed_rows::{ChangingRows, RowOf, Stamp, changed_rows, check_watched};
pub use client_address::{client_address, client_of, for_client};
pub use clock::{Clock, ManualClock, SystemClock, micros, rfc3339};
pub use context::ContextExt;
pub use date::Date;
pub use date_time::DateTime;
pub use db::{Db, DbOptions, DbStats, StorageHealth, Tx};
pub use error::{Error, ErrorCodes, Result};
pub use event::{Audience, Bus, Delivery, Event, EventStream, InProcessBus};
pub use federated::{federated, federated_sdl};
pub use follow::{Follower, follow};
pub use id::parse_id;
pub use idempotency::{IdempotencyKey, Once, answered_before, once};
pub use in_name::InName;
pub use int::clamp_to_int;
pub use invalidation::{ENTITY_TYPES, Invalidation, InvalidationSubscription};
pub use loader::{Loader, Rows, loader, row, rows, rows_of_texts, settled_rows};
pub use money::{Money, MoneySum};
pub use order_log::{NO_REPLICA, OrderLog, Recorded, Replica, TableLog, Trade, TradePermit, Traded, Unnumbered};
pub use page::{Page, PageArgs, Paged, page, page_of_texts, shows};
pub use patch::given;
pub use private_file::{folder_of, replace_private_file};
pub use scalar::{Misfit, Scalar};
pub use services::{SETTLED_MAX, Services};
pub use session::SessionId;
pub use settings::Words;
pub use settle::SettleDue;
pub use side::Side;
pub use sweep::Retention;
pub use text::{clip, optional_text, path_segment, required_line, required_segment, required_text};
pub use token::{Claims, TokenError, TokenKeys, Verified};
pub use viewer::{Role, Viewer};
