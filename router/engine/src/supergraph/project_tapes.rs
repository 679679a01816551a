//! Writes the answer of data that are on tapes. The texts of leaves are copied as their subgraphs wrote them.
//!
//! It writes answers without errors only: where [`project`](super::project) would add an error or propagate a null, it gives up.

use foundation::ErrorCodeSet;
use smallvec::SmallVec;

use super::abort::Abort;
use super::allowance::Allowance;
use super::merged_tapes::{MergedTapes, Place};
use super::plan::model::{FieldProjection, Leaf, ObjectProjection, ValueKind, ValueProjection};
use super::project::WritingLimits;
use crate::subgraph::{EncodedResponse, ResponseKind};
use crate::tape::{NodeIndex, NodeKind};

/// The digits that every integer of 64 bits has room for.
const EXACT_DIGITS: usize = 18;

/// Serializes the response map. Returns `None` if the answer needs an error, or a conversion that copies no text.
///
/// # Errors
/// When it exceeds the allowed bytes or time.
pub fn project(
    projection: &ObjectProjection,
    tapes: &MergedTapes,
    allowance: &Allowance,
) -> Result<Option<EncodedResponse>, Abort> {
    let Some(root) = tapes.root() else { return Ok(None) };
    // Fields that are not selected make the texts longer than the answer, repeated entities make them shorter.
    let expected = tapes.text_bytes().min(allowance.budget.bytes_max());
    let mut writer = TapeWriter {
        tapes,
        out: Vec::with_capacity(expected.max(512)),
        limits: WritingLimits::new(allowance),
    };
    writer.out.extend_from_slice(b"{\"data\":");
    match writer.object(projection, root) {
        Ok(()) => {}
        Err(Halt::GivenUp) => return Ok(None),
        Err(Halt::Aborted(abort)) => return Err(abort),
    }
    writer.out.push(b'}');
    Ok(Some(EncodedResponse {
        body: writer.out.into(),
        kind: ResponseKind::Data,
        codes: ErrorCodeSet::default(),
    }))
}

/// The reason that writing stops.
enum Halt {
    /// The answer needs an error or a conversion.
    GivenUp,
    /// The whole answer is aborted.
    Aborted(Abort),
}

struct TapeWriter<'a> {
    tapes: &'a MergedTapes,
    out: Vec<u8>,
    limits: WritingLimits,
}

/// An object on one tape, and the member that is likely to be looked for next.
struct Part {
    object: Place,
    next: NodeIndex,
    end: NodeIndex,
}

/// An object with all that completes it.
struct Parts<'a> {
    tapes: &'a MergedTapes,
    parts: SmallVec<[Part; 4]>,
}

impl<'a> Parts<'a> {
    fn new(tapes: &'a MergedTapes, object: Place) -> Self {
        let mut parts = SmallVec::new();
        add_parts(tapes, object, &mut parts);
        Self { tapes, parts }
    }

    /// Returns the value of a key. Subgraphs answer in the order of the fetch, which is nearly the order of the answer: the members
    /// behind the last ones that were found are looked at first.
    fn field(&mut self, key: &str) -> Option<Place> {
        let likely = self.parts.iter().position(|part| part.is_next(self.tapes, key));
        let found = match likely {
            Some(index) => self.parts[index].object.sibling(self.parts[index].next),
            None => self.tapes.field(self.parts[0].object, key)?,
        };
        // Several tapes may have the key: a null of one gives way to the value of another, and objects are linked to later ones.
        let kind = self.tapes.kind(found);
        let is_null = kind == NodeKind::Null;
        let may_differ = is_null || matches!(kind, NodeKind::Object | NodeKind::List);
        if self.parts.len() > 1 && may_differ && (is_null || !self.parts[0].contains(found)) {
            return self.tapes.field(self.parts[0].object, key);
        }
        if let Some(part) = self.parts.iter_mut().find(|part| part.contains(found)) {
            part.next = self.tapes.tape(found).end(found.node());
        }
        Some(found)
    }
}

fn add_parts(tapes: &MergedTapes, object: Place, parts: &mut SmallVec<[Part; 4]>) {
    let node = object.node();
    parts.push(Part {
        object,
        next: node + 1,
        end: tapes.tape(object).end(node),
    });
    for linked in tapes.links(object) {
        add_parts(tapes, *linked, parts);
    }
}

impl Part {
    fn is_next(&self, tapes: &MergedTapes, key: &str) -> bool {
        self.next < self.end && tapes.tape(self.object).has_key(self.next, key)
    }

    fn contains(&self, place: Place) -> bool {
        place.is_on_tape_of(self.object) && (self.object.node()..self.end).contains(&place.node())
    }
}

impl TapeWriter<'_> {
    fn object(&mut self, projection: &ObjectProjection, object: Place) -> Result<(), Halt> {
        if projection.denied.is_some() {
            return Err(Halt::GivenUp);
        }
        let mut parts = Parts::new(self.tapes, object);
        self.out.push(b'{');
        for (index, field) in projection.fields.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&field.key_json);
            match &field.value {
                None => self.quoted(projection.typename.as_bytes()),
                Some(value) => self.field(field, value, &mut parts)?,
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    fn field(
        &mut self,
        field: &FieldProjection,
        projection: &ValueProjection,
        parts: &mut Parts<'_>,
    ) -> Result<(), Halt> {
        match parts.field(&field.data_key) {
            _ if matches!(projection.kind, ValueKind::Denied(_)) => Err(Halt::GivenUp),
            Some(value) => self.value(projection, value),
            None => self.null(projection),
        }
    }

    fn value(&mut self, projection: &ValueProjection, value: Place) -> Result<(), Halt> {
        let kind = self.tapes.kind(value);
        match (&projection.kind, kind) {
            (_, NodeKind::Null) => self.null(projection)?,
            (ValueKind::Object(object), NodeKind::Object) => self.object(object, value)?,
            (ValueKind::Abstract(objects), NodeKind::Object) => {
                let typename = self.tapes.field(value, "__typename");
                let typename = typename.and_then(|typename| self.tapes.plain_string(typename));
                let object = typename.and_then(|typename| objects.get(typename));
                self.object(object.ok_or(Halt::GivenUp)?, value)?;
            }
            (ValueKind::List(item), NodeKind::List) => self.list(item, value)?,
            (ValueKind::Leaf(leaf), kind) => self.leaf(leaf, kind, value)?,
            _ => return Err(Halt::GivenUp),
        }
        self.limits.check(self.out.len()).map_err(Halt::Aborted)
    }

    fn list(&mut self, projection: &ValueProjection, list: Place) -> Result<(), Halt> {
        self.out.push(b'[');
        for (index, item) in self.tapes.items(list).enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.value(projection, item)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn null(&mut self, projection: &ValueProjection) -> Result<(), Halt> {
        if projection.non_null {
            return Err(Halt::GivenUp);
        }
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    /// Writes a scalar or an enum value.
    fn leaf(&mut self, leaf: &Leaf, kind: NodeKind, value: Place) -> Result<(), Halt> {
        let text = self.tapes.text(value);
        let is_accepted = match (leaf, kind) {
            (Leaf::Custom, _)
            | (Leaf::String | Leaf::Id, NodeKind::PlainString | NodeKind::EscapedString)
            | (Leaf::Boolean, NodeKind::Boolean)
            | (Leaf::Float, NodeKind::Integer | NodeKind::Decimal) => true,
            (Leaf::Int, NodeKind::Integer) => is_int(text),
            (Leaf::Enum(words), NodeKind::PlainString) => self
                .tapes
                .plain_string(value)
                .is_some_and(|word| words.iter().any(|known| **known == *word)),
            (Leaf::Id, NodeKind::Integer) if text.len() <= EXACT_DIGITS && text != b"-0" => {
                self.quoted(text);
                return Ok(());
            }
            _ => false,
        };
        if !is_accepted {
            return Err(Halt::GivenUp);
        }
        self.out.extend_from_slice(text);
        Ok(())
    }

    /// Writes a string without characters that need escapes.
    fn quoted(&mut self, text: &[u8]) {
        self.out.push(b'"');
        self.out.extend_from_slice(text);
        self.out.push(b'"');
    }
}

/// Whether the text of an integer is one of 32 bits.
fn is_int(text: &[u8]) -> bool {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i32>().ok());
    number.is_some() && text != b"-0"
}
