//! The contract between the router and the domains.
//!
//! A domain is one public function, `schema(services)`, that turns [`Services`] into an async-graphql schema. This
//! crate has everything that it needs, so that no domain depends on another: the caller ([`Viewer`]), errors
//! ([`Error`]), reads and writes ([`Db`]), the time ([`Clock`]) and events ([`Bus`]).

mod acting_user;
mod changed_rows;
mod clock;
mod context;
mod date;
mod date_time;
mod db;
mod demo_people;
mod detach;
mod dyn_executor;
mod error;
mod error_codes;
mod event;
mod expiry_schedule;
mod follow;
mod id;
mod idempotency;
mod inserted_rows;
mod int;
mod invalidation;
mod loader;
mod money;
mod order_log;
mod page;
mod page_connection;
mod patch;
mod scalar;
mod services;
mod session;
mod shared_reads;
mod side;
mod subgraph;
mod subscription;
mod sweep;
mod text;
mod token;
mod total_count;
mod versioned_row;
mod viewer;

pub use foundation::{
    AnswerBudget, AnswerPool, BatchBudget, BudgetError, ErrorCode, ErrorCodeCounts, ErrorCodeSet, Fault, Scalar,
    ScalarError, StringList, UnknownErrorCode, client_address, client_network, settings, truncate_chars,
    with_client_address,
};

pub use acting_user::ActingUser;
pub use async_graphql::DocumentRequest;
pub use changed_rows::{Watch, changed_rows, check_watch_limit};
pub use clock::{Clock, ManualClock, SystemClock, to_date_time, to_timestamp_us};
pub use context::ContextExt;
pub use database::{
    DbConnection, DbOptions, DbStats, Error as DatabaseError, FileVersion, ReadEntity, Reader, StorageHealth,
    WriteDistributions, check_commits, copy_database, folder_of, open_read_only, replace_private_file,
    share_transactions, update_private_file,
};
pub use date::Date;
pub use date_time::DateTime;
pub use db::{Agora, Db, Tx, TxExt};
pub use demo_people::DemoPeople;
pub use entities::role::Role;
pub use error::{Error, Result};
pub use event::{Audience, Bus, BusCounts, Delivery, Event, EventStream, InProcessBus, Topic};
pub use expiry_schedule::ExpirySchedule;
pub use follow::{Follower, follow};
pub use id::{EntityType, unprefixed_id};
pub use idempotency::{IdempotencyKey, IdempotentResult, idempotent, recorded_answer};
pub use inserted_rows::{InsertFeed, inserted_rows};
pub use int::clamp_to_int;
pub use invalidation::{Invalidation, InvalidationSubscription};
pub use loader::{
    Load, LoadKey, Loader, RowEntity, RowLoader, batch_loader, current_row_loader, load, load_row, row_loader,
    text_row_loader,
};
pub use money::{Money, MoneySum};
pub use order_log::{
    ExchangeTrade, ExecutedTrade, NO_REPLICA, OrderLog, ReplicaStatus, TableLog, TradePermit, TradeRecord,
    UnnumberedTrade,
};
pub use page::{PageArgs, Paginate, Rows, SortedSelect, is_node_field_selected};
pub use page_connection::PageConnection;
pub use patch::non_null;
pub use scalar::SCALARS;
pub use services::{EXPIRED_MAX, Services};
pub use session::SessionId;
pub use shared_reads::SharedReads;
pub use side::Side;
pub use subgraph::{DomainSchema, SubgraphBuilder, subgraph_builder, subgraph_sdl};
pub use subscription::source_stream;
pub use sweep::Retention;
pub use text::{
    INVISIBLE, optional_text, path_segment, require_visible, required_line, required_segment, required_text,
};
pub use token::{Claims, Identity, KeyList, KeySummary, TokenError, TokenKeys, VerifiedToken};
pub use total_count::{CountedConnection, TotalCount};
pub use versioned_row::{Invalidates, VersionedRow, WatchedRow};
pub use viewer::Viewer;
