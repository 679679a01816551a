//! Sample data: five people with one password, which is public.

use std::collections::HashMap;

use contract::{DemoPeople, Error, Result, Role, Services};
use entities::user;
use sea_orm::{ConnectionTrait, Statement};

use crate::Settings;
use crate::password::{Hasher, Password};
use crate::sign_in::conflict_error;

/// The password of every demo person.
pub const PASSWORD: &str = "agora-demo-2026";

/// Adds the demo people that do not exist yet, and returns the ids of all five.
pub async fn seed(services: &Services) -> Result<DemoPeople> {
    if let Some(people) = find(services).await? {
        return Ok(people);
    }
    let now_us = services.clock.now_us();
    let password = Password::try_new("password", PASSWORD.to_owned())?;
    // One hash for all five people: hashing is slow by design.
    let hash = Hasher::new(&Settings::default()).hash(&password).await?;
    services
        .db
        .write(async move |tx| {
            for person in people(now_us) {
                if user::by_username(tx, &person.username).await?.is_some() {
                    continue;
                }
                let password_hash = Some(hash.clone());
                let inserted = user::insert(
                    tx,
                    user::Model {
                        password_hash,
                        ..person
                    },
                )
                .await?;
                inserted.map_err(conflict_error)?;
            }
            Ok(())
        })
        .await?;
    let people = find(services).await?;
    people.ok_or_else(|| Error::Internal("the demo people are not there".into()))
}

/// Returns the usernames of the demo people that are active and still have the public password.
///
/// A person who was renamed is found too: the demo makes its people first.
///
/// # Errors
/// As sign-ins, while the database fails.
pub async fn with_public_password(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let names = people(0).map(|person| format!("'{}'", person.username)).join(", ");
    let sql = format!(
        "SELECT username, password_hash FROM account WHERE active AND password_hash IS NOT NULL
         AND (id <= 5 OR username IN ({names})) ORDER BY id"
    );
    let hasher = Hasher::new(&Settings::default());
    let password = Password::try_new("password", PASSWORD.to_owned())?;
    let mut found = Vec::new();
    // The demo hashes the password once, and checking a hash takes long.
    let mut checked: HashMap<String, bool> = HashMap::new();
    for row in db
        .query_all_raw(Statement::from_string(db.get_database_backend(), sql))
        .await?
    {
        let (username, hash): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let is_public = match checked.get(&hash) {
            Some(known) => *known,
            None => {
                let permit = hasher.acquire_permit().await?;
                let (is_public, _) = hasher.verify(permit, &password, Some(&hash)).await?;
                checked.insert(hash, is_public);
                is_public
            }
        };
        if is_public {
            found.push(username);
        }
    }
    Ok(found)
}

fn people(now_us: i64) -> [user::Model; 5] {
    let person = |username: &str, display_name: &str, role: Role| user::Model {
        email: Some(format!("{username}@example.com")),
        display_name: Some(display_name.to_owned()),
        role,
        ..user::Model::with_username(username, now_us)
    };
    let named = |name: &str, surname: &str, person: user::Model| user::Model {
        name: Some(name.to_owned()),
        surname: Some(surname.to_owned()),
        ..person
    };
    [
        user::Model {
            address_street: Some("Harbour Lane".to_owned()),
            address_number: Some("7".to_owned()),
            address_zip_code: Some("10115".to_owned()),
            phone: Some("+49 30 5550107".to_owned()),
            ..named("Ada", "Winter", person("ada", "Ada Winter", Role::Investor))
        },
        user::Model {
            fee_basis_points: Some(100),
            ..named("Ben", "Okafor", person("ben", "Ben Okafor", Role::Broker))
        },
        user::Model {
            karma: 12,
            ..person("cleo", "Cleo", Role::Member)
        },
        user::Model {
            karma: 3,
            ..person("dan", "Dan", Role::Member)
        },
        user::Model {
            admin: true,
            ..person("admin", "Administrator", Role::Member)
        },
    ]
}

async fn find(services: &Services) -> Result<Option<DemoPeople>> {
    let id = async |username: &str| -> Result<Option<i64>> {
        let found = user::by_username(services.db.read(), username).await?;
        Ok(found.map(|person| person.id))
    };
    let found = (
        id("ada").await?,
        id("ben").await?,
        id("cleo").await?,
        id("dan").await?,
        id("admin").await?,
    );
    let (Some(ada), Some(ben), Some(cleo), Some(dan), Some(admin)) = found else {
        return Ok(None);
    };
    Ok(Some(DemoPeople {
        ada,
        ben,
        cleo,
        dan,
        admin,
    }))
}
