//! Usernames that look like each other: one username must not be mistaken for another (Unicode Technical Standard
//! #39, "Unicode Security Mechanisms").

use database::DbConnection;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, Condition};
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;
use unicode_security::mixed_script::{AugmentedScriptSet, MixedScript};

use crate::case_fold::case_fold;
use crate::is_among;

/// One appearance of a username. No two accounts share one.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "username_skeleton")]
pub struct Model {
    /// The appearance: one of [`skeletons`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub skeleton: String,
    /// The account whose username looks like this.
    pub account_id: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Returns the appearances of a username: as it is spelled, and in lower case. Usernames are case-insensitive, and
/// a capital `I` looks like a small `l`.
pub fn skeletons(username: &str) -> Vec<String> {
    let spelled: String = username.trim().nfkc().collect();
    let of = |text: &str| as_displayed(&case_fold(&skeleton(text).collect::<String>()));
    let mut all = vec![of(&spelled), of(&case_fold(username))];
    all.dedup();
    all
}

/// Covers two cases that the confusables data leaves out: a letter with a soft dot loses it under a dot above (The
/// Unicode Standard, section 7.1), and pages show several spaces as one.
fn as_displayed(skeleton: &str) -> String {
    let undotted = skeleton.replace("i\u{307}", "i").replace("j\u{307}", "j");
    undotted.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a name has this skeleton.
pub(crate) fn has_skeleton(name: &str, skeleton: &str) -> bool {
    skeletons(name).iter().any(|own| own == skeleton)
}

/// Whether a character of a skeleton looks like a hyphen. The confusables data makes the shorter dashes hyphens, and the
/// longer ones and some strokes of Chinese and Japanese the Katakana mark for long vowels.
pub(crate) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{30fc}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Whether a part of a skeleton looks like a number: digits of any script, and letters that look like digits.
pub(crate) fn is_number(skeleton: &str) -> bool {
    let is_digit =
        |c: char| c.is_numeric() || ('0'..='9').any(|digit| has_skeleton(&digit.to_string(), &c.to_string()));
    !skeleton.is_empty() && skeleton.chars().all(is_digit)
}

/// Whether `name` mixes scripts in a way that no language does, so that letters of one can pass for letters of another:
/// it is neither of a single script nor of Latin beside Chinese, Japanese or Korean ("Highly Restrictive" in section 5.2).
pub fn is_mixed_script(name: &str) -> bool {
    if name.is_single_script() {
        return false;
    }
    let rest: String = name
        .chars()
        .filter(|c| {
            !AugmentedScriptSet::for_char(*c)
                .base
                .contains_script(unicode_script::Script::Latin)
        })
        .collect();
    let scripts = AugmentedScriptSet::for_str(&rest);
    !(scripts.hanb || scripts.jpan || scripts.kore)
}

/// Finds the account, other than `except`, whose username looks like `username`.
pub async fn find_lookalike(db: &impl DbConnection, username: &str, except: Option<i64>) -> Result<Option<i64>, DbErr> {
    let alike = Condition::all()
        .add(is_among(Column::Skeleton, skeletons(username)))
        .add_option(except.map(|id| Column::AccountId.ne(id)));
    let found = db.row(Entity::find().filter(alike)).await?;
    Ok(found.map(|row| row.account_id))
}

/// Records how the account's username looks. If another account already has an appearance, that account keeps it.
pub async fn record(tx: &impl ConnectionTrait, account_id: i64, username: &str) -> Result<(), DbErr> {
    let rows = skeletons(username).into_iter().map(|skeleton| ActiveModel {
        skeleton: Set(skeleton),
        account_id: Set(account_id),
    });
    Entity::insert_many(rows)
        .on_conflict(OnConflict::column(Column::Skeleton).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Deletes the appearances of the account's username, for an account whose username was personal data.
pub(crate) async fn forget(tx: &impl DbConnection, account_id: i64) -> Result<(), DbErr> {
    let gone = Entity::delete_many().filter(Column::AccountId.eq(account_id));
    gone.exec(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_lookalikes(one: &str, other: &str) -> bool {
        skeletons(one)
            .iter()
            .any(|skeleton| skeletons(other).contains(skeleton))
    }

    #[test]
    fn letters_of_another_script_look_like_latin_ones() {
        assert!(are_lookalikes("admin", "аdmin"));
        assert!(are_lookalikes("scope", "ѕсоре"));
        assert!(are_lookalikes("IANA", "ΙΑΝΑ"));
        assert!(are_lookalikes("Ivan", "lvan"));
        assert!(are_lookalikes("mary", "rnary"));
        assert!(are_lookalikes("ape", "аре"));
        assert!(are_lookalikes("admin", "admi\u{307}n"));
        assert!(are_lookalikes("admin", "ADMİN"));
        assert!(are_lookalikes("admin", "admın"));
        assert!(are_lookalikes("ada lovelace", "ada \u{a0} lovelace"));
        assert!(are_lookalikes("ΟΔΟΣ", "οδος"));
        assert!(are_lookalikes("straße", "STRAẞE") && are_lookalikes("straße", "STRASSE"));
        assert!(are_lookalikes("ﬁsh", "fish"));
        assert!(!are_lookalikes("ada", "eve"));
        assert!(!are_lookalikes("ivan", "lvan"));
    }

    #[test]
    fn only_scripts_that_are_written_together_mix() {
        for plain in [
            "ada",
            "Ада",
            "Jürgen-1",
            "東京タワー",
            "tokyo東京",
            "서울 seoul",
            "user_1@example.com",
            "عمر",
            "😀 fan",
        ] {
            assert!(!is_mixed_script(plain), "{plain}");
        }
        for mixed in ["аdmin", "pаypal", "Αda", "adaא", "раураl"] {
            assert!(is_mixed_script(mixed), "{mixed}");
        }
    }
}
