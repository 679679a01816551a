//! Administrators, who do not register: a command at the installation creates them.

use contract::{Result, Services};
use entities::user;

use crate::Settings;
use crate::password::{Hasher, Password};
use crate::person::{email as checked_email, username as checked_username};
use crate::sign_in::conflict;

/// Creates an administrator and returns the id. The API has no operation for it.
///
/// # Errors
/// `INVALID_INPUT` with the name of the argument, `CONFLICT` when a name is taken.
pub async fn create_admin(services: &Services, username: &str, email: Option<&str>, password: String) -> Result<i64> {
    let person = user::Model {
        email: email.map(|text| checked_email("email", text)).transpose()?,
        admin: true,
        ..user::Model::named(checked_username("username", username)?, services.clock.now_us())
    };
    let password = Password::chosen("password", password)?;
    let password_hash = Some(Hasher::new(&Settings::default()).hash(&password).await?);
    let person = user::Model {
        password_hash,
        ..person
    };
    services
        .db
        .write(async move |tx| match user::join(tx, person.clone()).await? {
            Ok(person) => Ok(person.id),
            Err(taken) => Err(conflict(taken)),
        })
        .await
}
