//! User accounts: one row for all five systems, never deleted, because other tables refer to it.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ExprTrait, IntoActiveModel, TryInsertResult};
use sha2::{Digest, Sha256};

use crate::authority::{Authority, leaves_an_administrator};
use crate::{lookalike, post, sign_in_address};

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
    /// `MEMBER`, `INVESTOR` or `BROKER`.
    pub role: String,
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

/// Returns the form that all spellings of one name share.
pub use crate::case_fold::case_fold;

/// Returns the username that [`insert`] gives a user of that role who chose none: the role and the id, `investor-17`.
///
/// It contains no personal data: usernames are public, and any caller can ask whether one is taken.
pub fn generated_username(role: &str, id: i64) -> String {
    format!("{}-{id}", role.to_lowercase())
}

/// Returns the name under which a deactivated account appears to callers who may not know more.
pub fn deactivated_username(id: i64) -> String {
    format!("deactivated-{id}")
}

/// Whether a username has, or resembles, a form that this system generates ([`generated_username`],
/// [`deactivated_username`], `erased-17`). Users cannot choose such a name.
pub fn looks_generated(username: &str) -> bool {
    let key = case_fold(username);
    let Some((role, id)) = key.split_once('-') else {
        return false;
    };
    let is_number = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
    is_number
        && ["member", "investor", "broker", "deactivated", "erased"]
            .iter()
            .any(|word| lookalike::are_lookalikes(role, word))
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
            role: "MEMBER".to_owned(),
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
    db: &impl ConnectionTrait,
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

/// The temporary key of a username that is derived from the new row's id. It cannot be typed.
const UNNAMED_KEY: &str = "\u{1}";

/// Adds a user. The database assigns `person.id`, and the keys are computed from the names. A user with an empty
/// username gets [`generated_username`].
///
/// # Errors
/// When the database fails. A taken name is an outcome, not an error; the caller then has to roll its transaction
/// back.
pub async fn insert(tx: &impl ConnectionTrait, person: Model) -> Result<Result<Box<Model>, NameConflict>, DbErr> {
    let (role, email) = (person.role.clone(), person.email.clone());
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
        None => {
            let given = generated_username(&role, id);
            let name = Entity::update_many()
                .col_expr(Column::UsernameKey, Expr::value(case_fold(&given)))
                .col_expr(Column::Username, Expr::value(&given));
            name.filter(Column::Id.eq(id)).exec(tx).await?;
            given
        }
    };
    lookalike::record(tx, id, &username).await?;
    let added = by_id(tx, id).await?.map(Box::new);
    added
        .map(Ok)
        .ok_or_else(|| DbErr::RecordNotFound("the person just added".to_owned()))
}

/// Returns the user with that id, active or not.
pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// Returns the user with that username in any case, active or not.
pub async fn by_username(db: &impl ConnectionTrait, username: &str) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::UsernameKey.eq(case_fold(username)))
        .one(db)
        .await
}

/// Returns the id of the active user with that username in any case. Only active users can receive messages.
pub async fn active_by_username(db: &impl ConnectionTrait, username: &str) -> Result<Option<i64>, DbErr> {
    let found = by_username(db, username).await?;
    Ok(found.filter(|person| person.active).map(|person| person.id))
}

/// Whether an active user has that id.
pub async fn is_active(db: &impl ConnectionTrait, id: i64) -> Result<bool, DbErr> {
    let found = Entity::find().filter(Column::Id.eq(id)).filter(Column::Active.eq(true));
    Ok(found.count(db).await? > 0)
}

/// Returns the user who signs in with `login`, a username or an email in any case; active or not.
pub async fn by_login(db: &impl ConnectionTrait, login: &str) -> Result<Option<Model>, DbErr> {
    let key = case_fold(login);
    Entity::find()
        .filter(Column::UsernameKey.eq(&key).or(Column::EmailKey.eq(&key)))
        .one(db)
        .await
}

/// The outcome of a change to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserChangeOutcome {
    /// The row after the change.
    Done(Box<Model>),
    /// No active user has that id.
    NotFound,
    /// Another account has the email.
    EmailTaken,
    /// The caller's right does not cover this account.
    Protected,
    /// This is the last active administrator, which the installation has to keep.
    LastAdministrator,
}

/// Changes the columns that are set in `to`, of an active user whose account the right covers. The last active
/// administrator stays one: if two administrators remove each other concurrently, one remains.
///
/// # Errors
/// When the database fails. A taken email is an outcome; the caller then has to roll its transaction back.
pub async fn change(
    tx: &impl ConnectionTrait,
    by: &Authority,
    id: i64,
    mut to: ActiveModel,
) -> Result<UserChangeOutcome, DbErr> {
    let email = match &to.email {
        Set(email) => email.clone(),
        _ => None,
    };
    if to.email.is_set() {
        to.email_key = Set(email.as_deref().map(case_fold));
    }
    let removes = [&to.active, &to.admin].iter().any(|flag| matches!(flag, Set(false)));
    let mut change = Entity::update_many()
        .set(to)
        .col_expr(Column::Version, next_version())
        .filter(Column::Id.eq(id))
        .filter(Column::Active.eq(true))
        .filter(by.covers());
    if removes {
        change = change.filter(leaves_an_administrator());
    }
    match change.exec(tx).await {
        Ok(done) if done.rows_affected == 0 => unchanged_reason(tx, by, id).await,
        Ok(_) if name_conflict(tx, None, email.as_deref(), Some(id)).await?.is_some() => {
            Ok(UserChangeOutcome::EmailTaken)
        }
        Ok(_) => changed_row(tx, id).await,
        // The email is the only column of `to` that has to be unique.
        Err(error) if crate::is_unique_violation(&error) => Ok(UserChangeOutcome::EmailTaken),
        Err(error) => Err(error),
    }
}

/// The karma that the API can show: the range of GraphQL's `Int`.
pub const KARMA: std::ops::RangeInclusive<i64> = i32::MIN as i64..=i32::MAX as i64;

/// The result of a change of karma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KarmaChangeOutcome {
    /// The row after the change.
    Done(Box<Model>),
    /// No active user has that id.
    NotFound,
    /// The caller's right does not cover this account.
    Protected,
    /// The karma would leave [`KARMA`]; nothing changed.
    OutOfRange,
}

/// Adds `points` to the karma of an active user whose account the right covers, unless it would leave [`KARMA`].
///
/// One guarded statement: concurrent changes are not lost, and no karma is stored that the API cannot show.
pub async fn add_karma(
    tx: &impl ConnectionTrait,
    by: &Authority,
    id: i64,
    points: i64,
) -> Result<KarmaChangeOutcome, DbErr> {
    let sum = || Expr::col(Column::Karma).add(points);
    let done = Entity::update_many()
        .col_expr(Column::Karma, sum())
        .col_expr(Column::Version, next_version())
        .filter(Column::Id.eq(id))
        .filter(Column::Active.eq(true))
        .filter(sum().between(*KARMA.start(), *KARMA.end()))
        .filter(by.covers())
        .exec(tx)
        .await?;
    if done.rows_affected == 0 {
        return Ok(match rejection_reason(tx, by, id).await? {
            None => KarmaChangeOutcome::OutOfRange,
            Some(UserChangeOutcome::Protected) => KarmaChangeOutcome::Protected,
            Some(_) => KarmaChangeOutcome::NotFound,
        });
    }
    let person = by_id(tx, id).await?;
    Ok(person.map_or(KarmaChangeOutcome::NotFound, |person| {
        KarmaChangeOutcome::Done(Box::new(person))
    }))
}

/// Replaces an active user's password. Returns `false`, and changes nothing, if the password was replaced since
/// `before` was read or the right does not cover the account.
pub async fn replace_password(
    tx: &impl ConnectionTrait,
    by: &Authority,
    id: i64,
    before: Option<&str>,
    password_hash: &str,
) -> Result<bool, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(password_hash))
        .col_expr(Column::PasswordVia, Expr::value(None::<String>))
        .filter(Column::Id.eq(id))
        .filter(Column::Active.eq(true))
        .filter(by.covers())
        .filter(match before {
            Some(before) => Column::PasswordHash.eq(before),
            None => Column::PasswordHash.is_null(),
        })
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Deactivates an active user whose account the right covers, but not the last active administrator. The username
/// stays taken.
pub async fn deactivate(
    tx: &impl ConnectionTrait,
    by: &Authority,
    id: i64,
    now_us: i64,
) -> Result<UserChangeOutcome, DbErr> {
    let to = ActiveModel {
        active: Set(false),
        deactivated_at_us: Set(Some(now_us)),
        ..Default::default()
    };
    change(tx, by, id, to).await
}

/// Permanently removes the personal data of a user whose account the right covers, and deactivates an account that
/// was still active; the last active administrator stays. The username stays taken.
///
/// A username that is an email address is itself personal data. `erased-ID` replaces it, also on the user's posts,
/// and only a digest of it keeps it from being used again.
pub async fn erase(
    tx: &impl ConnectionTrait,
    by: &Authority,
    id: i64,
    now_us: i64,
) -> Result<UserChangeOutcome, DbErr> {
    let Some(person) = by_id(tx, id).await? else {
        return Ok(UserChangeOutcome::NotFound);
    };
    let renamed = person.username.contains('@').then(|| format!("erased-{id}"));
    let (username, username_key) = match &renamed {
        Some(renamed) => (renamed.clone(), erased_key(&person.username_key)),
        None => (person.username, person.username_key),
    };
    let to = ActiveModel {
        username: Set(username),
        username_key: Set(username_key),
        email: Set(None),
        email_key: Set(None),
        display_name: Set(None),
        name: Set(None),
        surname: Set(None),
        phone: Set(None),
        address_street: Set(None),
        address_number: Set(None),
        address_zip_code: Set(None),
        address_text: Set(None),
        active: Set(false),
        password_hash: Set(None),
        password_via: Set(None),
        deactivated_at_us: Set(Some(person.deactivated_at_us.unwrap_or(now_us))),
        erased_at_us: Set(Some(now_us)),
        ..Default::default()
    };
    let done = Entity::update_many()
        .set(to)
        .col_expr(Column::Version, next_version())
        .filter(Column::Id.eq(id))
        .filter(Column::ErasedAtUs.is_null())
        .filter(by.covers())
        .filter(leaves_an_administrator())
        .exec(tx)
        .await?;
    if done.rows_affected == 0 {
        return unchanged_reason(tx, by, id).await;
    }
    sign_in_address::forget(tx, id).await?;
    if let Some(renamed) = renamed {
        post::rename_author(tx, id, &renamed).await?;
        lookalike::forget(tx, id).await?;
    }
    changed_row(tx, id).await
}

/// Returns the reason why a change of that account by this right would be rejected now; `None` if it would be
/// accepted. It only spares the cost of a change: the statement that makes the change decides.
pub async fn rejection_reason(
    db: &impl ConnectionTrait,
    by: &Authority,
    id: i64,
) -> Result<Option<UserChangeOutcome>, DbErr> {
    let active = Entity::find().filter(Column::Id.eq(id)).filter(Column::Active.eq(true));
    if active.clone().count(db).await? == 0 {
        return Ok(Some(UserChangeOutcome::NotFound));
    }
    let covered = active.filter(by.covers()).count(db).await? > 0;
    Ok((!covered).then_some(UserChangeOutcome::Protected))
}

/// The reason why a guarded statement changed no row.
async fn unchanged_reason(tx: &impl ConnectionTrait, by: &Authority, id: i64) -> Result<UserChangeOutcome, DbErr> {
    let covered = async |further: Option<Expr>| {
        let mut found = Entity::find().filter(Column::Id.eq(id)).filter(by.covers());
        if let Some(further) = further {
            found = found.filter(further);
        }
        Ok::<bool, DbErr>(found.count(tx).await? > 0)
    };
    Ok(match by_id(tx, id).await? {
        None => UserChangeOutcome::NotFound,
        // An open mount does not show deactivated accounts.
        Some(person) if !person.active && matches!(by, Authority::OpenMount(_)) => UserChangeOutcome::NotFound,
        Some(_) if !covered(None).await? => UserChangeOutcome::Protected,
        Some(person) if person.active && !covered(Some(leaves_an_administrator())).await? => {
            UserChangeOutcome::LastAdministrator
        }
        Some(_) => UserChangeOutcome::NotFound,
    })
}

async fn changed_row(tx: &impl ConnectionTrait, id: i64) -> Result<UserChangeOutcome, DbErr> {
    let row = by_id(tx, id).await?;
    Ok(row.map_or(UserChangeOutcome::NotFound, |row| {
        UserChangeOutcome::Done(Box::new(row))
    }))
}

fn next_version() -> Expr {
    Expr::col(Column::Version).add(1)
}

// Longer than any valid username, so it cannot collide with one that a caller asks for.
fn erased_key(username_key: &str) -> String {
    let digest = Sha256::digest(username_key);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
