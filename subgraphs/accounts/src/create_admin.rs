//! Administrators, who do not register: a command at the installation creates them.

use contract::{Result, Services};
use entities::user;

use crate::Settings;
use crate::password::{Hasher, Password};
use crate::sign_in::conflict_error;
use crate::user_input::{validate_email, validate_username};

/// Creates an administrator and returns the id. The API has no operation for it.
///
/// # Errors
/// `INVALID_INPUT` with the name of the argument, `CONFLICT` when a name is taken.
pub async fn create_admin(services: &Services, username: &str, email: Option<&str>, password: String) -> Result<i64> {
    let person = user::Model {
        email: email.map(|text| validate_email("email", text)).transpose()?,
        admin: true,
        ..user::Model::with_username(validate_username("username", username)?, services.clock.now_us())
    };
    let password = Password::try_new("password", password)?;
    let password_hash = Some(Hasher::new(&Settings::default()).hash(&password).await?);
    let person = user::Model {
        password_hash,
        ..person
    };
    services
        .db
        .write(async move |tx| match user::insert(tx, person.clone()).await? {
            Ok(person) => Ok(person.id),
            Err(taken) => Err(conflict_error(taken)),
        })
        .await
}
