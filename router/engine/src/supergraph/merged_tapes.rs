//! The tapes of a running query, merged without a copy: an object of one tape is linked to the objects of others that complete it.
//!
//! It holds the answers of subgraphs that succeeded as the plan expects. Everything else, such as an error, a value of an unexpected
//! type or a null that another subgraph replaces, is left to the [tree of values](super::tree), into which the tapes can be converted at
//! any time.

use std::collections::HashSet;
use std::sync::Arc;

use ahash::AHashSet;
use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value};
use foundation::{AnswerBudget, BudgetError};
use smallvec::SmallVec;

use super::plan::model::{Fields, FlattenPathSegment};
use super::tree::VALUE_BYTES;
use crate::tape::{NodeIndex, NodeKind, Tape};

/// A value of one of the tapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    tape: u32,
    node: NodeIndex,
}

impl Place {
    /// Returns its place on its tape.
    pub fn node(self) -> NodeIndex {
        self.node
    }

    /// Returns another value of the same tape.
    pub fn sibling(self, node: NodeIndex) -> Self {
        Self { node, ..self }
    }

    /// Whether both are on one tape.
    pub fn is_on_tape_of(self, other: Self) -> bool {
        self.tape == other.tape
    }
}

/// The entities that a request asked for.
#[derive(Debug)]
pub struct RequestedEntities<'a> {
    /// Their key in the response.
    pub key: &'a str,
    /// Their number.
    pub count: usize,
    /// The objects that they complete, and the index of each one's entity.
    pub targets: &'a [(Place, u32)],
}

/// The tapes cannot represent something: the values must be converted.
#[derive(Debug)]
pub struct NotOnTapes;

/// The tapes and their links.
#[derive(Debug, Default)]
pub struct MergedTapes {
    tapes: Vec<LinkedTape>,
    /// The objects that complete an object, by the number in [`LinkedTape::links`].
    links: Vec<SmallVec<[Place; 2]>>,
    /// The root object, once there is one.
    root: Option<Place>,
}

/// An object that completes others.
struct Completion {
    object: Place,
    /// Its members that are objects or lists.
    composites: SmallVec<[NodeIndex; 4]>,
}

#[derive(Debug)]
struct LinkedTape {
    tape: Arc<Tape>,
    /// Per node the number of its links from 1, or 0 if it has none; empty as long as no node has any.
    links: Vec<u32>,
}

impl MergedTapes {
    /// Returns the root object; `None` before the first answer.
    pub fn root(&self) -> Option<Place> {
        self.root
    }

    /// Merges the response to a fetch of root fields, whose data are an object.
    ///
    /// # Errors
    /// When the tapes cannot represent it.
    pub fn merge_root(&mut self, tape: Arc<Tape>) -> Result<(), NotOnTapes> {
        let data = tape.member(crate::tape::ROOT, "data").ok_or(NotOnTapes)?;
        let data = self.add(tape, data);
        match self.root {
            Some(root) => {
                let completion = self.completion(data);
                self.link(root, &completion)
            }
            None => {
                self.root = Some(data);
                Ok(())
            }
        }
    }

    /// Merges the entities of a response into their places.
    ///
    /// # Errors
    /// When one of them is missing.
    pub fn merge_entities(&mut self, tape: Arc<Tape>, requested: &[RequestedEntities<'_>]) -> Result<(), NotOnTapes> {
        let data = tape.member(crate::tape::ROOT, "data").ok_or(NotOnTapes)?;
        let mut entities = Vec::with_capacity(requested.len());
        for requested in requested {
            let list = tape.member(data, requested.key).ok_or(NotOnTapes)?;
            let answered: Vec<_> = match tape.kind(list) {
                NodeKind::List => tape.children(list).collect(),
                _ => return Err(NotOnTapes),
            };
            let is_complete = answered.len() == requested.count
                && answered.iter().all(|entity| tape.kind(*entity) == NodeKind::Object);
            if !is_complete {
                return Err(NotOnTapes);
            }
            entities.push(answered);
        }
        let tape = self.add(tape, data).tape;
        for (answered, requested) in entities.into_iter().zip(requested) {
            let entities = answered.into_iter().map(|node| self.completion(Place { tape, node }));
            let entities: Vec<_> = entities.collect();
            for (place, target) in requested.targets {
                self.link(*place, &entities[*target as usize])?;
            }
        }
        Ok(())
    }

    /// Returns the bytes of all texts.
    pub fn text_bytes(&self) -> usize {
        self.tapes.iter().map(|linked| linked.tape.text_bytes()).sum()
    }

    /// Returns the tape of a value.
    pub fn tape(&self, place: Place) -> &Tape {
        &self.tapes[place.tape as usize].tape
    }

    /// Returns the kind of a value.
    pub fn kind(&self, place: Place) -> NodeKind {
        self.tape(place).kind(place.node)
    }

    /// Returns the text of a value.
    pub fn text(&self, place: Place) -> &[u8] {
        self.tape(place).text(place.node)
    }

    /// Returns the content of a string without escapes.
    pub fn plain_string(&self, place: Place) -> Option<&str> {
        self.tape(place).plain_string(place.node)
    }

    /// Returns the values directly inside a list.
    pub fn items(&self, list: Place) -> impl Iterator<Item = Place> {
        let Place { tape, node } = list;
        self.tape(list).children(node).map(move |node| Place { tape, node })
    }

    /// Returns the objects that complete an object, without those that complete these.
    pub fn links(&self, place: Place) -> &[Place] {
        let links = &self.tapes[place.tape as usize].links;
        match links.get(place.node as usize) {
            None | Some(0) => &[],
            Some(number) => &self.links[*number as usize - 1],
        }
    }

    /// Returns the value of a key of an object: the first one that is not null.
    pub fn field(&self, object: Place, key: &str) -> Option<Place> {
        let Place { tape, node } = object;
        let mut found = self.tape(object).member(node, key).map(|node| Place { tape, node });
        for linked in self.links(object) {
            if found.is_some_and(|found| self.kind(found) != NodeKind::Null) {
                break;
            }
            found = self.field(*linked, key).or(found);
        }
        found
    }

    /// Whether an object has one of these types.
    ///
    /// # Errors
    /// When its `__typename` is not a plain string.
    pub fn is_of_types(&self, object: Place, types: &HashSet<String>) -> Result<bool, NotOnTapes> {
        let Some(typename) = self.field(object, "__typename") else {
            return Ok(false);
        };
        if self.kind(typename) != NodeKind::PlainString {
            return Err(NotOnTapes);
        }
        let text = self.text(typename);
        let name = &text[1..text.len() - 1];
        // Comparing few names is faster than hashing one.
        Ok(types.iter().any(|known| known.as_bytes() == name))
    }

    /// Converts everything into values, which count against the budget.
    ///
    /// # Errors
    /// When they exceed it.
    pub fn to_value(&self, budget: &AnswerBudget) -> Result<Value, BudgetError> {
        match self.root {
            Some(root) => self.value(root, budget),
            None => Ok(Value::Object(Fields::default())),
        }
    }

    fn value(&self, place: Place, budget: &AnswerBudget) -> Result<Value, BudgetError> {
        budget.charge_response(VALUE_BYTES + self.string_bytes(place))?;
        Ok(match self.kind(place) {
            NodeKind::List => {
                let items = self.items(place).map(|item| self.value(item, budget));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            NodeKind::Object => {
                let mut fields = IndexMap::new();
                self.add_fields(place, &mut fields, budget)?;
                Value::Object(fields)
            }
            _ => self.tape(place).to_value(place.node),
        })
    }

    fn string_bytes(&self, place: Place) -> usize {
        match self.kind(place) {
            NodeKind::PlainString | NodeKind::EscapedString => self.text(place).len(),
            _ => 0,
        }
    }

    fn add_fields(&self, object: Place, into: &mut Fields, budget: &AnswerBudget) -> Result<(), BudgetError> {
        let (tape, on_tape) = (self.tape(object), object.tape);
        for node in tape.children(object.node) {
            let value = self.value(Place { tape: on_tape, node }, budget)?;
            match into.get_mut(tape.key(node)) {
                Some(known) => super::tree::merge(known, value),
                None => drop(into.insert(Name::new(tape.key(node)), value)),
            }
        }
        let mut linked = self.links(object).iter();
        linked.try_for_each(|linked| self.add_fields(*linked, into, budget))
    }

    fn add(&mut self, tape: Arc<Tape>, node: NodeIndex) -> Place {
        let number = u32::try_from(self.tapes.len()).expect("a plan has fewer fetches");
        let links = Vec::new();
        self.tapes.push(LinkedTape { tape, links });
        Place { tape: number, node }
    }

    fn completion(&self, object: Place) -> Completion {
        let tape = self.tape(object);
        let members = tape.children(object.node);
        let is_composite = |member: &NodeIndex| matches!(tape.kind(*member), NodeKind::Object | NodeKind::List);
        Completion {
            object,
            composites: members.filter(is_composite).collect(),
        }
    }

    /// Completes an object with another one, which a later tape has.
    fn link(&mut self, object: Place, other: &Completion) -> Result<(), NotOnTapes> {
        if self.links(object).contains(&other.object) {
            return Ok(());
        }
        // A leaf that both have is the same in both, or null in one of them: the look-up tells.
        for member in &other.composites {
            let new = other.object.sibling(*member);
            match self.field(object, self.tape(new).key(*member)) {
                Some(known) if self.kind(known) != NodeKind::Null => self.merge(object, known, new)?,
                _ => {}
            }
        }
        let LinkedTape { tape, links } = &mut self.tapes[object.tape as usize];
        if links.is_empty() {
            links.resize(tape.len(), 0);
        }
        let number = &mut links[object.node as usize];
        if *number == 0 {
            self.links.push(SmallVec::new());
            *number = u32::try_from(self.links.len()).map_err(|_| NotOnTapes)?;
        }
        self.links[*number as usize - 1].push(other.object);
        Ok(())
    }

    /// Merges the values of a key that an object and the one that completes it have in common.
    fn merge(&mut self, object: Place, known: Place, new: Place) -> Result<(), NotOnTapes> {
        match (self.kind(known), self.kind(new)) {
            (_, NodeKind::Null) => Ok(()),
            (NodeKind::Null, _) => Err(NotOnTapes),
            // An object of another tape may complete other objects as well.
            (NodeKind::Object | NodeKind::List, _) if known.tape != object.tape => Err(NotOnTapes),
            (NodeKind::Object, NodeKind::Object) => {
                let completion = self.completion(new);
                self.link(known, &completion)
            }
            (NodeKind::List, NodeKind::List) => {
                let known_items: Vec<_> = self.items(known).collect();
                let new_items: Vec<_> = self.items(new).collect();
                if known_items.len() != new_items.len() {
                    return Ok(());
                }
                let mut pairs = known_items.into_iter().zip(new_items);
                pairs.try_for_each(|(known, new)| self.merge(object, known, new))
            }
            _ => Ok(()),
        }
    }

    /// Adds every object at a path, in the order of the data. An object that is at several places because it completes several objects
    /// is added once.
    ///
    /// # Errors
    /// When a type on the path cannot be told.
    pub fn visit(&self, path: &[FlattenPathSegment], found: &mut Vec<Place>) -> Result<(), NotOnTapes> {
        match self.root {
            Some(root) => self.visit_value(root, path, &mut AHashSet::new(), found),
            None => Ok(()),
        }
    }

    fn visit_value(
        &self,
        value: Place,
        path: &[FlattenPathSegment],
        seen: &mut AHashSet<(Place, usize)>,
        found: &mut Vec<Place>,
    ) -> Result<(), NotOnTapes> {
        match (self.kind(value), path.split_first()) {
            (NodeKind::List, first) => {
                let rest = match first {
                    Some((FlattenPathSegment::Items, rest)) => rest,
                    _ => path,
                };
                let mut items = self.items(value);
                items.try_for_each(|item| self.visit_value(item, rest, seen, found))
            }
            (NodeKind::Object, None) => {
                found.push(value);
                Ok(())
            }
            (NodeKind::Object, Some((FlattenPathSegment::Key(key), rest))) => match self.field(value, key) {
                // Another tape may add it to other objects too.
                Some(inner) if inner.tape != value.tape && !seen.insert((inner, rest.len())) => Ok(()),
                Some(inner) => self.visit_value(inner, rest, seen, found),
                None => Ok(()),
            },
            (NodeKind::Object, Some((FlattenPathSegment::Types(types), rest))) => {
                if self.is_of_types(value, types)? {
                    self.visit_value(value, rest, seen, found)?;
                }
                Ok(())
            }
            (NodeKind::Object, Some((FlattenPathSegment::Items, rest))) => self.visit_value(value, rest, seen, found),
            _ => Ok(()),
        }
    }
}
