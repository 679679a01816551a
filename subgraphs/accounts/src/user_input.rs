//! The inputs that describe a person, and their checks: names, email, address, a broker's fee.

use async_graphql::{InputObject, MaybeUndefined};
use contract::{Error, INVISIBLE, Result, require_visible, required_line, required_segment, required_text};
use entities::{case_fold, lookalike, user};
use sea_orm::ActiveValue::Set;
use serde::Serialize;

use crate::password::Password;
use crate::role::Role;

/// The open mount whose document creates accounts, changes their emails and their karma, and deactivates them.
pub(crate) const COMMUNITY_MOUNT: &str = "community";
/// The open mount whose document creates accounts, changes their passwords and addresses, and deactivates them.
pub(crate) const SHOP_MOUNT: &str = "shop";

const NAME_CHARS_MAX: usize = 64;
const EMAIL_CHARS_MAX: usize = 254;
const PHONE_CHARS_MAX: usize = 64;
const ADDRESS_PART_CHARS_MAX: usize = 200;
const ADDRESS_TEXT_CHARS_MAX: usize = 1_000;

/// The data of a new account.
#[derive(InputObject)]
pub(crate) struct RegisterInput {
    /// The username: up to 64 characters, unique without regard to case, never changed, never reused, and public. If
    /// omitted, the server derives it from the role and the id: `investor-17`.
    pub(crate) username: Option<String>,
    /// The email address: up to 254 characters, unique without regard to case. Required if there is no username.
    pub(crate) email: Option<String>,
    /// The password, 8 to 256 characters.
    #[graphql(secret)]
    pub(crate) password: String,
    /// The person's role at the brokerage.
    #[graphql(default_with = "Role::Member")]
    pub(crate) role: Role,
    /// The broker's fee, in percent of a trade: at least 1, with at most two decimals. Required for brokers, and only
    /// valid for them.
    pub(crate) brokerage_fee_percent: Option<f64>,
    /// The name to display; up to 64 characters.
    pub(crate) display_name: Option<String>,
    /// The given name; up to 64 characters.
    pub(crate) name: Option<String>,
    /// The family name; up to 64 characters.
    pub(crate) surname: Option<String>,
    /// A telephone number; up to 64 characters.
    pub(crate) phone: Option<String>,
    /// A postal address.
    pub(crate) address: Option<AddressInput>,
}

/// Changes to a profile: an omitted field keeps its value, null clears it.
#[derive(InputObject)]
pub(crate) struct ProfileInput {
    /// The name to display; up to 64 characters.
    display_name: MaybeUndefined<String>,
    /// The given name; up to 64 characters.
    name: MaybeUndefined<String>,
    /// The family name; up to 64 characters.
    surname: MaybeUndefined<String>,
    /// A telephone number; up to 64 characters.
    phone: MaybeUndefined<String>,
    /// A postal address.
    address: MaybeUndefined<AddressInput>,
    /// The broker's fee, in percent of a trade: at least 1, with at most two decimals. Cannot be cleared.
    brokerage_fee_percent: MaybeUndefined<f64>,
}

/// Changes to an account, all of them or none: an omitted field keeps its value, null clears it.
#[derive(InputObject)]
pub(crate) struct UserPatch {
    /// The changes of a [`ProfileInput`].
    #[graphql(flatten)]
    profile: ProfileInput,
    /// The email address: up to 254 characters, unique without regard to case. Cannot be cleared.
    email: MaybeUndefined<String>,
    /// A new password, 8 to 256 characters; it ends all other sessions of the person. Cannot be cleared.
    #[graphql(secret)]
    password: MaybeUndefined<String>,
}

/// A postal address: its three parts, or free text.
#[derive(InputObject, Serialize)]
pub(crate) struct AddressInput {
    /// The street.
    street: Option<String>,
    /// The house number.
    number: Option<String>,
    /// The postal code.
    zip_code: Option<String>,
    /// The whole address as text, instead of the parts.
    text: Option<String>,
}

/// Returns the row of a new account, without a password. An empty username means that [`user::insert`] generates one.
///
/// # Errors
/// `INVALID_INPUT` with the name of the input field.
pub(crate) fn new_user(input: RegisterInput, now_us: i64) -> Result<user::Model> {
    let email = input
        .email
        .as_deref()
        .map(|text| validate_email("input.email", text))
        .transpose()?;
    let name = match (&input.username, &email) {
        (Some(text), _) => validate_username("input.username", text)?,
        (None, Some(_)) => String::new(),
        (None, None) => return Err(Error::invalid("input.username", "is needed where there is no email")),
    };
    let fee_basis_points = match (input.role, input.brokerage_fee_percent) {
        (Role::Broker, None) => return Err(Error::invalid(FEE, "is needed for a broker")),
        (Role::Broker, Some(percent)) => Some(basis_points(percent)?),
        (_, Some(_)) => return Err(Error::invalid(FEE, "is for brokers only")),
        (_, None) => None,
    };
    let mut person = user::Model {
        email,
        role: input.role.into(),
        fee_basis_points,
        display_name: optional_name("input.displayName", input.display_name)?,
        name: optional_name("input.name", input.name)?,
        surname: optional_name("input.surname", input.surname)?,
        phone: optional_line("input.phone", input.phone, PHONE_CHARS_MAX)?,
        ..user::Model::with_username(name, now_us)
    };
    if let Some(address) = input.address {
        let AddressColumns {
            street,
            number,
            zip_code,
            text,
        } = address.validate()?;
        person.address_street = street;
        person.address_number = number;
        person.address_zip_code = zip_code;
        person.address_text = text;
    }
    Ok(person)
}

/// A validated change of an account.
pub(crate) struct ValidatedUserUpdate {
    /// The columns to set.
    pub(crate) columns: user::ActiveModel,
    /// Whether the change sets a fee, which only a broker has.
    pub(crate) brokers_only: bool,
    /// Whether the change affects a public field.
    pub(crate) public: bool,
}

impl ProfileInput {
    /// Validates the input and returns the columns that it sets.
    ///
    /// # Errors
    /// `INVALID_INPUT` with the name of the input field, or of the whole input if it changes nothing.
    pub(crate) fn validate(self) -> Result<ValidatedUserUpdate> {
        let change = self.into_update()?;
        require_change(change.columns != user::ActiveModel::default())?;
        Ok(change)
    }

    fn into_update(self) -> Result<ValidatedUserUpdate> {
        let mut columns = user::ActiveModel::default();
        let mut public = false;
        if let Some(value) = clearable(self.display_name, |text| validate_name("input.displayName", text))? {
            columns.display_name = Set(value);
            public = true;
        }
        if let Some(value) = clearable(self.name, |text| validate_name("input.name", text))? {
            columns.name = Set(value);
            public = true;
        }
        if let Some(value) = clearable(self.surname, |text| validate_name("input.surname", text))? {
            columns.surname = Set(value);
            public = true;
        }
        if let Some(value) = clearable(self.phone, |text| required_line("input.phone", text, PHONE_CHARS_MAX))? {
            columns.phone = Set(value);
        }
        let address = match self.address {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(AddressColumns::default()),
            MaybeUndefined::Value(address) => Some(address.validate()?),
        };
        if let Some(address) = address {
            columns.address_street = Set(address.street);
            columns.address_number = Set(address.number);
            columns.address_zip_code = Set(address.zip_code);
            columns.address_text = Set(address.text);
        }
        let fee = non_clearable(FEE, self.brokerage_fee_percent)?;
        let brokers_only = fee.is_some();
        if let Some(percent) = fee {
            columns.fee_basis_points = Set(Some(basis_points(percent)?));
            public = true;
        }
        Ok(ValidatedUserUpdate {
            columns,
            brokers_only,
            public,
        })
    }
}

impl UserPatch {
    /// Validates the input and returns the columns that it sets, and the new password, which is not hashed yet.
    ///
    /// # Errors
    /// As [`ProfileInput::validate`].
    pub(crate) fn validate(self) -> Result<(ValidatedUserUpdate, Option<Password>)> {
        let mut change = self.profile.into_update()?;
        if let Some(text) = non_clearable("input.email", self.email)? {
            change.columns.email = Set(Some(validate_email("input.email", &text)?));
        }
        let password = non_clearable("input.password", self.password)?
            .map(|text| Password::try_new("input.password", text))
            .transpose()?;
        require_change(password.is_some() || change.columns != user::ActiveModel::default())?;
        Ok((change, password))
    }
}

fn require_change(is_changed: bool) -> Result<()> {
    if is_changed {
        Ok(())
    } else {
        Err(Error::invalid("input", "must change something"))
    }
}

#[derive(Default)]
struct AddressColumns {
    street: Option<String>,
    number: Option<String>,
    zip_code: Option<String>,
    text: Option<String>,
}

impl AddressInput {
    fn validate(self) -> Result<AddressColumns> {
        match self {
            Self {
                street: Some(street),
                number: Some(number),
                zip_code: Some(zip_code),
                text: None,
            } => Ok(AddressColumns {
                street: Some(required_line("input.address.street", &street, ADDRESS_PART_CHARS_MAX)?),
                number: Some(required_line("input.address.number", &number, ADDRESS_PART_CHARS_MAX)?),
                zip_code: Some(required_line(
                    "input.address.zipCode",
                    &zip_code,
                    ADDRESS_PART_CHARS_MAX,
                )?),
                text: None,
            }),
            Self {
                street: None,
                number: None,
                zip_code: None,
                text: Some(text),
            } => Ok(AddressColumns {
                text: Some(required_text("input.address.text", &text, ADDRESS_TEXT_CHARS_MAX)?),
                ..AddressColumns::default()
            }),
            _ => Err(Error::invalid(
                "input.address",
                "must have street, number and zipCode, or else text",
            )),
        }
    }
}

/// Validates a chosen username: one line, trimmed, up to 64 characters, of one script (or of Latin beside Chinese,
/// Japanese or Korean).
///
/// # Errors
/// `INVALID_INPUT` with the name of `field`.
pub(crate) fn validate_username(field: &'static str, text: &str) -> Result<String> {
    let username = require_visible(field, required_segment(field, text, NAME_CHARS_MAX)?)?;
    if lookalike::is_mixed_script(&username) {
        return Err(Error::invalid(
            field,
            "must not mix the letters of scripts that are not written together",
        ));
    }
    if user::looks_generated(&username) {
        Err(Error::invalid(
            field,
            "must not be a role (or deactivated, erased) and a number: such names are given, not chosen",
        ))
    } else {
        Ok(username)
    }
}

/// Validates the form of an email address; only a message to it could prove that it exists. One `@` with text on both sides
/// and no white space is enough, because clients of the old systems send such addresses: `a@b`, `locust@email_1`.
///
/// # Errors
/// `INVALID_INPUT` with the name of `field`.
pub(crate) fn validate_email(field: &'static str, text: &str) -> Result<String> {
    let email = require_visible(field, required_line(field, text, EMAIL_CHARS_MAX)?)?;
    let has_both = |(local, host): (&str, &str)| !local.is_empty() && !host.is_empty() && !host.contains('@');
    let is_plausible = email.split_once('@').is_some_and(has_both) && !email.contains(char::is_whitespace);
    if is_plausible {
        Ok(email)
    } else {
        Err(Error::invalid(
            field,
            "must have one @ with text on both sides and no white space",
        ))
    }
}

/// Validates a person's given, family or chosen name: one line, and no code point that hides or turns its text around.
fn validate_name(field: &'static str, text: &str) -> Result<String> {
    let name = required_line(field, text, NAME_CHARS_MAX)?;
    if case_fold::has_invisible_beyond_joiners(&name) {
        return Err(Error::invalid(field, INVISIBLE));
    }
    Ok(name)
}

const FEE: &str = "input.brokerageFeePercent";

// Stored as hundredths of a percent, so that a fee is computed without floating point.
fn basis_points(percent: f64) -> Result<i64> {
    if percent.is_nan() || percent < 1.0 {
        return Err(Error::invalid(FEE, "must be at least 1"));
    }
    if percent > 100.0 {
        return Err(Error::invalid(FEE, "must be at most 100"));
    }
    let hundredths = percent * 100.0;
    if (hundredths - hundredths.round()).abs() > 1e-6 {
        return Err(Error::invalid(FEE, "must have at most two decimals"));
    }
    Ok(hundredths.round() as i64)
}

/// Returns the new value of a field that can be cleared, or `None` if it stays as it is.
fn clearable(
    value: MaybeUndefined<String>,
    validate: impl FnOnce(&str) -> Result<String>,
) -> Result<Option<Option<String>>> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(text) => Ok(Some(Some(validate(&text)?))),
    }
}

/// Returns the new value of a field that cannot be cleared, or `None` if it stays as it is.
fn non_clearable<T>(field: &'static str, value: MaybeUndefined<T>) -> Result<Option<T>> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Err(Error::invalid(field, "cannot be cleared")),
        MaybeUndefined::Value(value) => Ok(Some(value)),
    }
}

fn optional_name(field: &'static str, value: Option<String>) -> Result<Option<String>> {
    value.map(|text| validate_name(field, &text)).transpose()
}

fn optional_line(field: &'static str, value: Option<String>, max: usize) -> Result<Option<String>> {
    value.map(|text| required_line(field, &text, max)).transpose()
}
