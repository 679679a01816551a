//! The type `User`: a person's public fields, and the private ones that only some viewers see.

use std::borrow::Cow;
use std::collections::HashMap;

use async_graphql::{Context, ID, Object, SimpleObject};
use contract::{
    Audience, ContextExt, CountedConnection, DateTime, Db, EntityType, Error, Event, Load, PageArgs, PageConnection,
    Paginate, Result, load, load_row, to_date_time,
};
use entities::{is_among, user};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::authorization::{Authorization, authorizations_of};
use crate::role::Role;
use crate::user_input::{COMMUNITY_MOUNT, SHOP_MOUNT};

/// A person, as the API returns them.
#[derive(Clone)]
pub struct User {
    row: user::Model,
    /// Whether the caller has just proved to be this person: the request that signs in has no token yet.
    has_private_fields: bool,
}

/// A person with one account for all five systems.
#[Object]
impl User {
    /// The person's id.
    async fn id(&self) -> ID {
        EntityType::User.id(self.row.id)
    }

    /// The username: unique without regard to case, and never reused. If the account is no longer active, viewers other
    /// than operators see `deactivated-ID` and no other name.
    async fn username(&self, ctx: &Context<'_>) -> Cow<'_, str> {
        if self.has_visible_names(ctx) {
            Cow::Borrowed(&self.row.username)
        } else {
            Cow::Owned(user::deactivated_username(self.row.id))
        }
    }

    /// The name to display: the chosen one, or else the given and family names.
    async fn display_name(&self, ctx: &Context<'_>) -> Option<String> {
        if !self.has_visible_names(ctx) {
            return None;
        }
        let full = || {
            let parts: Vec<&str> = [&self.row.name, &self.row.surname]
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        };
        self.row.display_name.clone().or_else(full)
    }

    /// The given name.
    async fn name(&self, ctx: &Context<'_>) -> Option<&str> {
        self.row.name.as_deref().filter(|_| self.has_visible_names(ctx))
    }

    /// The family name.
    async fn surname(&self, ctx: &Context<'_>) -> Option<&str> {
        self.row.surname.as_deref().filter(|_| self.has_visible_names(ctx))
    }

    /// The email address; null for viewers other than the person and operators.
    async fn email(&self, ctx: &Context<'_>) -> Option<&str> {
        self.row
            .email
            .as_deref()
            .filter(|_| self.has_visible_private_fields(ctx, Some(COMMUNITY_MOUNT)))
    }

    /// The telephone number; null for viewers other than the person and operators.
    async fn phone(&self, ctx: &Context<'_>) -> Option<&str> {
        self.row
            .phone
            .as_deref()
            .filter(|_| self.has_visible_private_fields(ctx, None))
    }

    /// The postal address; null for viewers other than the person and operators.
    async fn address(&self, ctx: &Context<'_>) -> Option<Address> {
        Address::from_user(&self.row).filter(|_| self.has_visible_private_fields(ctx, Some(SHOP_MOUNT)))
    }

    /// The person's role at the brokerage.
    async fn role(&self) -> Role {
        self.row.role.into()
    }

    /// The broker's fee, in percent of a trade; null if the person is not a broker.
    async fn brokerage_fee_percent(&self) -> Option<f64> {
        self.row.fee_basis_points.map(percent)
    }

    /// The reputation of the person's posts; may be below zero.
    async fn karma(&self) -> i64 {
        self.row.karma
    }

    /// Whether the account is active: neither deactivated nor erased.
    async fn active(&self) -> bool {
        self.row.active
    }

    /// When the account was created.
    async fn joined_at(&self) -> DateTime {
        to_date_time(self.row.joined_at_us)
    }

    /// The authorizations that this person received as a broker or granted as an investor, oldest first: all, or only
    /// those that are (not) active. For themselves and for operators.
    // `Option<Result<_>>`: an error then nulls the field. A resolver's own `Err` nulls the whole person.
    async fn authorizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only authorizations that are active, or only those that are not.")] active: Option<bool>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Option<Result<CountedConnection<Authorization>>> {
        let args = PageArgs::new(first, after, last, before);
        Some(self.visible_authorizations(ctx, active, args).await)
    }
}

impl User {
    /// Returns the person with the fields that the viewer's rights allow.
    pub(crate) fn new(row: user::Model) -> Self {
        Self {
            row,
            has_private_fields: false,
        }
    }

    /// Returns the person with all private fields, for a caller that has just signed in as this person.
    pub(crate) fn with_private_fields(row: user::Model) -> Self {
        Self {
            row,
            has_private_fields: true,
        }
    }

    async fn visible_authorizations(
        &self,
        ctx: &Context<'_>,
        active: Option<bool>,
        args: PageArgs,
    ) -> Result<CountedConnection<Authorization>> {
        if !self.has_private_fields {
            ctx.viewer().require_self_or_operator(self.row.id)?;
        }
        authorizations_of(ctx, &self.row, active, args).await
    }

    /// Whether the viewer sees the person's names: always while the account is active. The community's document shows the
    /// sender and the receiver of a message even after their accounts were closed.
    fn has_visible_names(&self, ctx: &Context<'_>) -> bool {
        self.row.active || self.has_visible_private_fields(ctx, Some(COMMUNITY_MOUNT))
    }

    /// Whether the viewer sees a private field. Callers of `mount`, the open mount whose document has the field, see it too.
    fn has_visible_private_fields(&self, ctx: &Context<'_>, mount: Option<&str>) -> bool {
        let viewer = ctx.viewer();
        let is_by_open_mount = mount.is_some() && viewer.mount() == mount;
        self.has_private_fields || is_by_open_mount || viewer.is_user(self.row.id) || viewer.is_operator()
    }
}

/// Converts hundredths of a percent to the API's percent.
pub(crate) fn percent(basis_points: i64) -> f64 {
    basis_points as f64 / 100.0
}

/// Returns the event that invalidates a person: for all viewers, or only for those that see the changed fields.
pub(crate) fn invalidation(person: &user::Model, public: bool) -> Event {
    let audience = if public {
        Audience::Everyone
    } else {
        Audience::Users(vec![person.id])
    };
    Event::invalidated(EntityType::User, person.id, person.version, audience)
}

/// A postal address.
#[derive(Clone, SimpleObject)]
pub struct Address {
    /// The street; null if only free text is known.
    street: Option<String>,
    /// The house number; null if only free text is known.
    number: Option<String>,
    /// The postal code; null if only free text is known.
    zip_code: Option<String>,
    /// The whole address as text.
    text: String,
}

impl Address {
    fn from_user(person: &user::Model) -> Option<Self> {
        let (street, number, zip_code) = (
            person.address_street.clone(),
            person.address_number.clone(),
            person.address_zip_code.clone(),
        );
        let text = match (&person.address_text, &street, &number, &zip_code) {
            (Some(text), ..) => text.clone(),
            (None, Some(street), Some(number), Some(zip_code)) => format!("{street} {number}, {zip_code}"),
            _ => return None,
        };
        Some(Self {
            street,
            number,
            zip_code,
            text,
        })
    }
}

/// A batch loader of people by username, without regard to case.
pub struct UserByUsernameLoader(pub(crate) Db);

impl Load<String> for UserByUsernameLoader {
    type Value = user::Model;
    type Error = Error;

    async fn load(&self, usernames: &[String]) -> Result<HashMap<String, user::Model>> {
        let condition = is_among(
            user::Column::UsernameKey,
            usernames.iter().map(|name| user::case_fold(name)),
        );
        let found = self.0.read().rows(user::Entity::find().filter(condition)).await?;
        let by_key: HashMap<_, _> = found
            .into_iter()
            .map(|person| (person.username_key.clone(), person))
            .collect();
        let found = |name: &String| Some((name.clone(), by_key.get(&user::case_fold(name))?.clone()));
        Ok(usernames.iter().filter_map(found).collect())
    }
}

/// Returns the person that another row refers to. The row exists, because people are never deleted.
pub(crate) async fn referenced_user(ctx: &Context<'_>, id: i64) -> Result<User> {
    let found = load_row::<user::Entity>(ctx, id).await?;
    found
        .map(User::new)
        .ok_or_else(|| Error::Internal(format!("person {id} is gone").into()))
}

async fn by_id(ctx: &Context<'_>, id: i64) -> Result<Option<User>> {
    Ok(load_row::<user::Entity>(ctx, id).await?.map(User::new))
}

async fn by_username(ctx: &Context<'_>, username: String) -> Result<Option<User>> {
    let found = load::<UserByUsernameLoader, _>(ctx, username).await?;
    Ok(found.map(User::new))
}

/// Reads of people.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The signed-in person; null for other viewers.
    async fn me(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Ok(id) = ctx.viewer().require_user() else {
            return Ok(None);
        };
        let found = by_id(ctx, id).await?;
        Ok(found.filter(|person| person.row.active))
    }

    /// The person with that id or that username (in any case); exactly one of the two is required. Null if there is no
    /// such person. Only operators find a deactivated account.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person's id.")] id: Option<ID>,
        #[graphql(desc = "The username, in any case.")] username: Option<String>,
    ) -> Result<Option<User>> {
        let found = match (id, username) {
            (Some(id), None) => match EntityType::User.parse("id", &id)? {
                Some(id) => by_id(ctx, id).await?,
                None => None,
            },
            (None, Some(username)) => by_username(ctx, username).await?,
            (None, None) => return Err(Error::invalid("id", "or else username is needed")),
            (Some(_), Some(_)) => return Err(Error::invalid("username", "cannot be combined with id")),
        };
        Ok(found.filter(|person| person.row.active || ctx.viewer().is_operator()))
    }

    /// The people whose accounts are active, oldest account first: all, or those with one role. For signed-in viewers
    /// and programs.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only people with this role.")] role: Option<Role>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<PageConnection<User>> {
        ctx.viewer().require_signed_in()?;
        let mut people = user::Entity::find().filter(user::Column::Active.eq(true));
        if let Some(role) = role {
            people = people.filter(user::Column::Role.eq(entities::role::Role::from(role)));
        }
        let args = PageArgs::new(first, after, last, before);
        people.paginate(ctx, args, User::new).await
    }

    /// A person another subgraph refers to by id: also one whose account is not in use any more.
    #[graphql(entity)]
    async fn user_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<User>> {
        match EntityType::User.number(&id) {
            Some(id) => by_id(ctx, id).await,
            None => Ok(None),
        }
    }

    /// A person another subgraph refers to by username: also one whose account is not in use any more.
    #[graphql(entity)]
    async fn user_by_username(&self, ctx: &Context<'_>, username: String) -> Result<Option<User>> {
        by_username(ctx, username).await
    }
}
