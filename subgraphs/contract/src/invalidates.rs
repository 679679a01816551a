//! The events of changes that several domains can cause, so that each domain publishes the same ones.

use entities::expiry::EndedObligations;
use entities::lending::AffectedBalance;
use entities::{authorization, brokerage_order, holding, post_votes, reservation, stock, voting, wallet};

use crate::{Audience, Event};

/// A change that has events to publish.
pub trait Invalidates {
    /// Returns the events to publish after the commit.
    fn events(&self) -> Vec<Event>;
}

/// `None` means that nothing changed, so there are no events.
impl<T: Invalidates> Invalidates for Option<T> {
    fn events(&self) -> Vec<Event> {
        self.as_ref().map_or_else(Vec::new, Invalidates::events)
    }
}

fn invalidated(typename: &'static str, id: i64, version: i64, audience: Audience) -> Vec<Event> {
    vec![Event::Invalidated {
        typename,
        key: id.to_string(),
        version,
        audience,
    }]
}

impl Invalidates for stock::Model {
    fn events(&self) -> Vec<Event> {
        invalidated("Stock", self.id, self.version, Audience::Everyone)
    }
}

impl Invalidates for wallet::Model {
    fn events(&self) -> Vec<Event> {
        invalidated("Wallet", self.id, self.version, Audience::Users(vec![self.user_id]))
    }
}

impl Invalidates for holding::Model {
    fn events(&self) -> Vec<Event> {
        invalidated("Holding", self.id, self.version, Audience::Users(vec![self.user_id]))
    }
}

impl Invalidates for authorization::Model {
    fn events(&self) -> Vec<Event> {
        let parties = Audience::Users(vec![self.investor_id, self.broker_id]);
        invalidated("Authorization", self.id, self.version, parties)
    }
}

impl Invalidates for brokerage_order::Model {
    fn events(&self) -> Vec<Event> {
        invalidated("BrokerageOrder", self.id, self.version, Audience::Users(self.parties()))
    }
}

// Votes and karma are public. A post's votes are part of the post, wherever it is stored.
impl Invalidates for post_votes::Model {
    fn events(&self) -> Vec<Event> {
        invalidated("Post", self.post_id, self.version, Audience::Everyone)
    }
}

impl Invalidates for voting::VoteOutcome {
    fn events(&self) -> Vec<Event> {
        let votes = self.changed.then(|| self.votes.events()).into_iter().flatten();
        let karma = self
            .karma
            .iter()
            .flat_map(|&(id, version)| invalidated("User", id, version, Audience::Everyone));
        votes.chain(karma).collect()
    }
}

impl Invalidates for AffectedBalance {
    fn events(&self) -> Vec<Event> {
        match self {
            Self::Wallet(wallet) => wallet.events(),
            Self::Holding(holding) => holding.events(),
        }
    }
}

impl Invalidates for reservation::ReservationEnd {
    fn events(&self) -> Vec<Event> {
        [self.stock.events(), self.order.events()].concat()
    }
}

impl Invalidates for EndedObligations {
    fn events(&self) -> Vec<Event> {
        let affected = self.affected.iter().flat_map(Invalidates::events);
        let authorizations = self.authorizations.iter().flat_map(Invalidates::events);
        let orders = self.orders.iter().flat_map(Invalidates::events);
        affected.chain(authorizations).chain(orders).collect()
    }
}
