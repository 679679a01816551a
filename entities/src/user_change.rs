//! Changes of user accounts, each guarded by the right of its caller.

use database::DbConnection;
use sea_orm::ActiveValue::Set;
use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;

use crate::authority::{Authority, leaves_an_administrator};
use crate::case_fold::case_fold;
use crate::user::{ActiveModel, Column, Entity, KARMA, Model, by_id, erased_key, name_conflict};
use crate::{lookalike, post, sign_in_address};

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
    tx: &impl DbConnection,
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
        Ok(updated) if updated.rows_affected == 0 => unchanged_reason(tx, by, id).await,
        Ok(_) if name_conflict(tx, None, email.as_deref(), Some(id)).await?.is_some() => {
            Ok(UserChangeOutcome::EmailTaken)
        }
        Ok(_) => changed_row(tx, id).await,
        // The email is the only column of `to` that has to be unique.
        Err(error) if crate::is_unique_violation(&error) => Ok(UserChangeOutcome::EmailTaken),
        Err(error) => Err(error),
    }
}

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
    tx: &impl DbConnection,
    by: &Authority,
    id: i64,
    points: i64,
) -> Result<KarmaChangeOutcome, DbErr> {
    let sum = || Expr::col(Column::Karma).add(points);
    let updated = Entity::update_many()
        .col_expr(Column::Karma, sum())
        .col_expr(Column::Version, next_version())
        .filter(Column::Id.eq(id))
        .filter(Column::Active.eq(true))
        .filter(sum().between(*KARMA.start(), *KARMA.end()))
        .filter(by.covers())
        .exec(tx)
        .await?;
    if updated.rows_affected == 0 {
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
    tx: &impl DbConnection,
    by: &Authority,
    id: i64,
    before: Option<&str>,
    password_hash: &str,
) -> Result<bool, DbErr> {
    let updated = Entity::update_many()
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
    Ok(updated.rows_affected == 1)
}

/// Deactivates an active user whose account the right covers, but not the last active administrator. The username
/// stays taken.
pub async fn deactivate(
    tx: &impl DbConnection,
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
pub async fn erase(tx: &impl DbConnection, by: &Authority, id: i64, now_us: i64) -> Result<UserChangeOutcome, DbErr> {
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
    let updated = Entity::update_many()
        .set(to)
        .col_expr(Column::Version, next_version())
        .filter(Column::Id.eq(id))
        .filter(Column::ErasedAtUs.is_null())
        .filter(by.covers())
        .filter(leaves_an_administrator())
        .exec(tx)
        .await?;
    if updated.rows_affected == 0 {
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
    db: &impl DbConnection,
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
async fn unchanged_reason(tx: &impl DbConnection, by: &Authority, id: i64) -> Result<UserChangeOutcome, DbErr> {
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

async fn changed_row(tx: &impl DbConnection, id: i64) -> Result<UserChangeOutcome, DbErr> {
    let row = by_id(tx, id).await?;
    Ok(row.map_or(UserChangeOutcome::NotFound, |row| {
        UserChangeOutcome::Done(Box::new(row))
    }))
}

fn next_version() -> Expr {
    Expr::col(Column::Version).add(1)
}
