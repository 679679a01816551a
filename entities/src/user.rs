//! User accounts: one row for all five systems, never deleted, because other tables refer to it.

use database::DbConnection;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ExprTrait, FromQueryResult, IntoActiveModel, TryInsertResult};
use sha2::{Digest, Sha256};

use crate::role::Role;
use crate::{lookalike, sql};

/// One user account.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    /// The user's id in every system; never reused.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The username as the user spelled it.
    pub username: String,
    /// The unique key of the username, [`case_fold`]. For an erased account whose username was an email address it is
    /// only a digest.
    #[sea_orm(unique)]
    pub username_key: String,
    /// The email address as the user spelled it; `None` for users without one, and for erased accounts.
    pub email: Option<String>,
    /// The unique key of the email address: [`case_fold`].
    #[sea_orm(unique)]
    pub email_key: Option<String>,
    /// The name that the user wants to be called.
    pub display_name: Option<String>,
    /// The given name.
    pub name: Option<String>,
    /// The family name.
    pub surname: Option<String>,
    /// A telephone number, as typed.
    pub phone: Option<String>,
    /// The address: its street.
    pub address_street: Option<String>,
    /// The address: its number in the street.
    pub address_number: Option<String>,
    /// The address: its postal code.
    pub address_zip_code: Option<String>,
    /// The address as free text, where it has no parts.
    pub address_text: Option<String>,
    /// The role at the brokerage.
    pub role: Role,
    /// A broker's fee, in hundredths of a percent of a trade; `None` for other roles.
    pub fee_basis_points: Option<i64>,
    /// Whether the user administers this installation.
    pub admin: bool,
    /// The karma: how other users rate the user's posts.
    pub karma: i64,
    /// Whether the account can be used.
    pub active: bool,
    /// The Argon2id hash, as a PHC string; `None` if no password was ever set.
    pub password_hash: Option<String>,
    /// When the account was created, in microseconds since the epoch.
    pub joined_at_us: i64,
    /// When it was deactivated, in microseconds since the epoch.
    pub deactivated_at_us: Option<i64>,
    /// When its personal data was erased, in microseconds since the epoch.
    pub erased_at_us: Option<i64>,
    /// The open REST mount that the account was created through; `None` for an account that was created in another
    /// way.
    pub made_via: Option<String>,
    /// The open REST mount that the password was set through; `None` for a password that was set in another way.
    pub password_via: Option<String>,
    /// Rises with every change that the API shows.
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// The karma that the API can show: the range of GraphQL's `Int`.
pub const KARMA: std::ops::RangeInclusive<i64> = i32::MIN as i64..=i32::MAX as i64;

/// Returns the form that all spellings of one name share.
pub use crate::case_fold::case_fold;

/// Returns the username that [`insert`] gives a user of that role who chose none: the role and the id, `investor-17`. When
/// another account has a name that looks like it, [`insert`] adds a number: `investor-17-2`.
///
/// It contains no personal data: usernames are public, and any caller can ask whether one is taken.
pub fn generated_username(role: Role, id: i64) -> String {
    format!("{}-{id}", role.as_str().to_lowercase())
}

/// Returns the name under which a deactivated account appears to callers who may not know more.
pub fn deactivated_username(id: i64) -> String {
    format!("deactivated-{id}")
}

/// The words that begin a generated username.
const GENERATED: [&str; 5] = ["member", "investor", "broker", "deactivated", "erased"];

/// Whether a username has, or looks like, a form that this system generates: a word and numbers behind dashes
/// ([`generated_username`], [`deactivated_username`], `erased-17`). Users cannot choose such a name.
pub fn looks_generated(username: &str) -> bool {
    let looks = lookalike::skeletons(username);
    looks.iter().any(|look| {
        look.split_once(lookalike::is_dash).is_some_and(|(word, numbers)| {
            let mut numbers = numbers.split(lookalike::is_dash);
            GENERATED
                .iter()
                .any(|generated| lookalike::has_skeleton(generated, word))
                && numbers.all(lookalike::is_number)
        })
    })
}

impl Model {
    /// A member with that name and no other data, to be completed and passed to [`insert`].
    pub fn with_username(username: impl Into<String>, now_us: i64) -> Self {
        let username = username.into();
        Self {
            id: 0,
            username_key: case_fold(&username),
            username,
            email: None,
            email_key: None,
            display_name: None,
            name: None,
            surname: None,
            phone: None,
            address_street: None,
            address_number: None,
            address_zip_code: None,
            address_text: None,
            role: Role::Member,
            fee_basis_points: None,
            admin: false,
            karma: 0,
            active: true,
            password_hash: None,
            joined_at_us: now_us,
            deactivated_at_us: None,
            erased_at_us: None,
            made_via: None,
            password_via: None,
            version: 1,
        }
    }
}

/// The name that another account already uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameConflict {
    /// The username: another account has or had it or one that looks like it, or signs in with it as its email.
    Username,
    /// The email: another account has it, active or not, or signs in with it as its username.
    Email,
}

/// Whether an account other than `except` prevents the use of that username or that email.
///
/// Users sign in with either, so one user's username is never another's email.
pub async fn name_conflict(
    db: &impl DbConnection,
    username: Option<&str>,
    email: Option<&str>,
    except: Option<i64>,
) -> Result<Option<NameConflict>, DbErr> {
    let others = || Entity::find().filter(Column::Id.ne(except.unwrap_or(0)));
    if let Some(key) = username.map(case_fold) {
        let held = Column::UsernameKey
            .is_in([erased_key(&key), key.clone()])
            .or(Column::EmailKey.eq(key));
        if others().filter(held).count(db).await? > 0 {
            return Ok(Some(NameConflict::Username));
        }
    }
    if let Some(username) = username
        && lookalike::find_lookalike(db, username, except).await?.is_some()
    {
        return Ok(Some(NameConflict::Username));
    }
    if let Some(key) = email.map(case_fold) {
        let held = Column::EmailKey.eq(&key).or(Column::UsernameKey.eq(&key));
        if others().filter(held).count(db).await? > 0 {
            return Ok(Some(NameConflict::Email));
        }
    }
    Ok(None)
}

/// The temporary key of a new row whose username contains the row's id. No username has this character.
const UNNAMED_KEY: &str = "\u{1}";

/// Adds a user. The database assigns `person.id`, and the keys are computed from the names. A user with an empty
/// username gets [`generated_username`].
///
/// # Errors
/// When the database fails. A taken name is an outcome, not an error; the caller then has to roll its transaction
/// back.
pub async fn insert(tx: &impl DbConnection, person: Model) -> Result<Result<Box<Model>, NameConflict>, DbErr> {
    let (role, email) = (person.role, person.email.clone());
    let username = Some(person.username.clone()).filter(|username| !username.is_empty());
    let mut row = person.into_active_model();
    row.id = NotSet;
    row.username_key = Set(username.as_deref().map_or_else(|| UNNAMED_KEY.to_owned(), case_fold));
    row.email_key = Set(email.as_deref().map(case_fold));
    let added = Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .try_insert()
        .exec(tx)
        .await?;
    let id = match added {
        TryInsertResult::Inserted(row) => Some(row.last_insert_id),
        _ => None,
    };
    // The check follows the insert, so it also sees a name that a concurrent transaction took in the meantime.
    if let Some(name_conflict) = name_conflict(tx, username.as_deref(), email.as_deref(), id).await? {
        return Ok(Err(name_conflict));
    }
    let Some(id) = id else {
        return Ok(Err(NameConflict::Username));
    };
    let username = match username {
        Some(username) => username,
        None => give_username(tx, role, id).await?,
    };
    lookalike::record(tx, id, &username).await?;
    let added = by_id(tx, id).await?.map(Box::new);
    added
        .map(Ok)
        .ok_or_else(|| DbErr::RecordNotFound("the person just added".to_owned()))
}

/// Gives a new row its [`generated_username`]. Older accounts may have chosen a name that looks like it: a number is added
/// then.
async fn give_username(tx: &impl DbConnection, role: Role, id: i64) -> Result<String, DbErr> {
    let plain = generated_username(role, id);
    let mut given = plain.clone();
    let mut added = 1;
    while name_conflict(tx, Some(&given), None, Some(id)).await?.is_some() {
        added += 1;
        given = format!("{plain}-{added}");
    }
    let name = Entity::update_many()
        .col_expr(Column::UsernameKey, Expr::value(case_fold(&given)))
        .col_expr(Column::Username, Expr::value(&given));
    name.filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(given)
}

/// Returns the user with that id, active or not.
pub async fn by_id(db: &impl DbConnection, id: i64) -> Result<Option<Model>, DbErr> {
    db.row(Entity::find_by_id(id)).await
}

/// Returns the user with that username in any case, active or not.
pub async fn by_username(db: &impl DbConnection, username: &str) -> Result<Option<Model>, DbErr> {
    db.row(Entity::find().filter(Column::UsernameKey.eq(case_fold(username))))
        .await
}

/// Returns the id of the active user with that username in any case. Only active users can receive messages.
pub async fn active_by_username(db: &impl DbConnection, username: &str) -> Result<Option<i64>, DbErr> {
    let found = by_username(db, username).await?;
    Ok(found.filter(|person| person.active).map(|person| person.id))
}

/// Whether an active user has that id.
pub async fn is_active(db: &impl DbConnection, id: i64) -> Result<bool, DbErr> {
    let sql = "SELECT 1 AS found FROM account WHERE id = $1 AND active";
    Ok(sql::count_rows(db, sql, [id.into()]).await? > 0)
}

/// The part of an account that decides which orders its owner may place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Trader {
    /// The user's id.
    pub id: i64,
    /// The role at the brokerage.
    pub role: Role,
    /// A broker's fee, in hundredths of a percent of a trade; `None` for other roles.
    pub fee_basis_points: Option<i64>,
    /// Whether the account can be used.
    pub active: bool,
}

/// Returns the user with that id as a trader. The whole account has six times as many columns, mostly texts.
pub async fn trader(db: &impl DbConnection, id: i64) -> Result<Option<Trader>, DbErr> {
    // In the order of the names a row is converted once (`database::row`).
    let sql = "SELECT active, fee_basis_points, id, role FROM account WHERE id = $1";
    sql::fetch_computed(db, sql, [id.into()]).await
}

/// Returns the user who signs in with `login`, a username or an email in any case; active or not.
pub async fn by_login(db: &impl DbConnection, login: &str) -> Result<Option<Model>, DbErr> {
    let key = case_fold(login);
    db.row(Entity::find().filter(Column::UsernameKey.eq(&key).or(Column::EmailKey.eq(&key))))
        .await
}

// Longer than any valid username, so it cannot collide with one that a caller asks for.
pub(crate) fn erased_key(username_key: &str) -> String {
    let digest = Sha256::digest(username_key);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
