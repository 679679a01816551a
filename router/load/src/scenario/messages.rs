//! Messages: to others and to oneself, the inbox, favourites, and deletion.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;
use rand::Rng;
use serde_json::{Value, json};

use super::{EVENT_TIMEOUT, Player};
use crate::caller::{Abandoned, Allowed, NEVER};
use crate::values::id_number;
use crate::world::{Neighbour, done};

/// How often a person writes to themselves until an event shows that the subscription has begun.
const FIRST_MESSAGES_MAX: u32 = 5;

impl Player {
    /// Writes to another person, reads the inbox, and marks or deletes a message.
    pub(super) async fn exchange_messages(&mut self) -> Result<(), Abandoned> {
        let place = self.random.random_range(0..self.world.places());
        if let Some(other) = self.world.neighbour(place) {
            self.send_message(&other).await?;
        }
        self.compare_inbox("read the inbox").await?;
        let received = self.received();
        if received.is_empty() {
            return Ok(());
        }
        let id = received[self.random.random_range(0..received.len())];
        self.favorite(id).await?;
        let id = received[self.random.random_range(0..received.len())];
        self.mark_read(id).await?;
        if self.random.random_bool(0.2) {
            self.delete_message(id).await?;
        }
        Ok(())
    }

    /// Writes to oneself until the subscription shows it.
    pub(super) async fn begin_messages(&mut self) -> Result<(), Abandoned> {
        let own = self.neighbour.clone();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let id = self.send_message(&own).await?;
            match self.watch.message(id, EVENT_TIMEOUT / FIRST_MESSAGES_MAX).await {
                Ok(()) => return Ok(()),
                Err(_) if self.reopen_watch().await? => attempt = 0,
                Err(reason) if attempt == FIRST_MESSAGES_MAX => return Err(self.missed("begin to watch", reason)),
                Err(_) => {}
            }
        }
    }

    async fn send_message(&mut self, to: &Arc<Neighbour>) -> Result<i64, Abandoned> {
        let key = self.key();
        let contents = format!("{key}: hello, {}", to.username);
        // Before it is sent: the receiver may read it before this person has the answer.
        to.messages().insert(contents.clone(), None);
        let over_rest = self.over_rest();
        let step = ["send a message", "send a message (REST)"][usize::from(over_rest)];
        let id = if over_rest {
            let body = json!({ "userFrom": self.name, "userTo": to.username, "contents": contents, "flag": "load" });
            let request = (Method::POST, "/community/messages".to_owned());
            let data = done(self.caller.rest(step, request, Some(body), Some(key), NEVER).await?)?;
            self.caller
                .same(step, "the text", Some(&*contents), data["contents"].as_str())?;
            data["id"].as_i64()
        } else {
            let document = "mutation($to: String!, $contents: String!, $key: String!) {
                sendMessage(to: $to, contents: $contents, flag: \"load\", idempotencyKey: $key) {
                    id contents from { username } to { username } } }";
            let variables = json!({ "to": to.username, "contents": contents, "key": key });
            let data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
            let message = &data["sendMessage"];
            self.caller
                .same(step, "the text", Some(&*contents), message["contents"].as_str())?;
            let from = message["from"]["username"].as_str();
            self.caller.same(step, "the sender", Some(&*self.name), from)?;
            id_number(&message["id"])
        };
        let id = self.caller.needed(step, "id", id)?;
        to.messages().insert(contents.clone(), Some(id));
        self.person.sent.insert(id, (to.username.clone(), contents));
        Ok(id)
    }

    /// Returns the ids of the received messages that are known and not deleted.
    fn received(&self) -> Vec<i64> {
        let known = self.neighbour.messages();
        let ids = known.values().flatten().copied();
        ids.filter(|id| !self.person.deleted_messages.contains(id)).collect()
    }

    /// Compares the inbox: every message that was acknowledged is there, and nothing that no one sent.
    pub(super) async fn compare_inbox(&mut self, step: &'static str) -> Result<(), Abandoned> {
        let before = self.received();
        let found = self
            .list_of_me(step, "inbox", "", "id contents favorite read from { username }")
            .await?;
        let mut by_id = BTreeMap::new();
        for message in &found {
            let id = self.caller.needed(step, "id", id_number(&message["id"]))?;
            by_id.insert(id, message);
            self.compare_received(step, id, message)?;
        }
        self.caller
            .same(step, "the number of different messages", found.len(), by_id.len())?;
        let missing: Vec<i64> = before.into_iter().filter(|id| !by_id.contains_key(id)).collect();
        if !missing.is_empty() {
            return Err(self
                .caller
                .wrong(step, format!("the inbox lacks the messages {missing:?}")));
        }
        Ok(())
    }

    fn compare_received(&self, step: &'static str, id: i64, message: &Value) -> Result<(), Abandoned> {
        let contents = self.caller.needed(step, "text", message["contents"].as_str())?;
        // The sender's name begins the text.
        let sender = contents.split_once(' ').map(|(sender, _)| sender);
        self.caller
            .same(step, "the sender", sender, message["from"]["username"].as_str())?;
        let sent = self.neighbour.messages().get(contents).copied();
        match sent {
            // The sender may not have the answer yet.
            Some(None) => {}
            Some(Some(sent)) => self.caller.same(step, "the id", sent, id)?,
            None => {
                return Err(self
                    .caller
                    .wrong(step, format!("message {id} was not sent: {contents}")));
            }
        }
        let deleted = self.person.deleted_messages.contains(&id);
        self.caller.same(step, "whether a message is deleted", false, deleted)?;
        let favorite = Some(self.person.favorites.contains(&id));
        self.caller.same(
            step,
            "whether it is a favourite",
            favorite,
            message["favorite"].as_bool(),
        )?;
        let read = Some(self.person.read.contains(&id));
        self.caller
            .same(step, "whether it is read", read, message["read"].as_bool())
    }

    async fn favorite(&mut self, id: i64) -> Result<(), Abandoned> {
        let over_rest = self.over_rest();
        let step = ["mark a favourite", "mark a favourite (REST)"][usize::from(over_rest)];
        let favorite = if over_rest {
            let request = (Method::PUT, format!("/community/messages/{id}/favorite"));
            done(self.caller.rest(step, request, None, None, NEVER).await?)?["favorite"].as_bool()
        } else {
            let document = "mutation($id: ID!) { favoriteMessage(id: $id) { id favorite } }";
            let variables = json!({ "id": format!("message_{id}") });
            let data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
            data["favoriteMessage"]["favorite"].as_bool()
        };
        self.caller
            .same(step, "whether it is a favourite", Some(true), favorite)?;
        self.person.favorites.insert(id);
        Ok(())
    }

    async fn mark_read(&mut self, id: i64) -> Result<(), Abandoned> {
        const STEP: &str = "mark a message as read";
        let document = "mutation($ids: [ID!]!) { markRead(ids: $ids) }";
        let variables = json!({ "ids": [format!("message_{id}")] });
        done(self.caller.graphql(STEP, document, variables, NEVER).await?)?;
        self.person.read.insert(id);
        Ok(())
    }

    async fn delete_message(&mut self, id: i64) -> Result<(), Abandoned> {
        let over_rest = self.over_rest();
        let step = ["delete a message", "delete a message (REST)"][usize::from(over_rest)];
        let allowed = Allowed {
            codes: &[],
            done_before: Some("NOT_FOUND"),
        };
        if over_rest {
            let request = (Method::DELETE, format!("/community/messages/{id}"));
            self.caller.rest(step, request, None, None, allowed).await?;
        } else {
            let document = "mutation($id: ID!) { deleteMessage(id: $id) }";
            let variables = json!({ "id": format!("message_{id}") });
            self.caller.graphql(step, document, variables, allowed).await?;
        }
        self.person.deleted_messages.insert(id);
        Ok(())
    }

    /// Waits for the events of all messages that were acknowledged, and compares their order.
    pub(super) async fn compare_message_events(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "watch the messages";
        let first = self.watch.messages().first().map(|(id, _)| *id);
        let acknowledged: Vec<i64> = self.neighbour.messages().values().flatten().copied().collect();
        for id in acknowledged
            .into_iter()
            .filter(|id| first.is_none_or(|first| *id >= first))
        {
            let arrived = self.watch.message(id, EVENT_TIMEOUT).await;
            if self.watch.has_ended() && !self.caller.away().is_zero() {
                return Ok(());
            }
            arrived.map_err(|reason| self.missed(STEP, format!("message {id}: {reason}")))?;
        }
        let events = self.watch.messages();
        if !events.is_sorted_by(|(before, _), (after, _)| before < after) {
            return Err(self.missed(STEP, format!("the events are not each once and in order: {events:?}")));
        }
        let known = self.neighbour.messages();
        let stranger = events.iter().find(|(_, contents)| !known.contains_key(contents));
        let stranger = stranger.cloned();
        drop(known);
        match stranger {
            None => Ok(()),
            Some((id, contents)) => Err(self.missed(STEP, format!("message {id} was not sent: {contents}"))),
        }
    }
}
