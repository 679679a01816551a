//! The representations of entities that are on tapes, built of their texts.

use ahash::AHashMap;
use async_graphql::Name;
use smallvec::SmallVec;

use super::merged_tapes::{MergedTapes, NotOnTapes, Place};
use super::plan::model::{EntityBatch, RequiredSelection};
use crate::tape::NodeKind;

/// The representations that a fetch sends for one batch; each entity appears once.
#[derive(Debug, Default)]
pub struct TapeRepresentations {
    /// The representations as JSON, separated by commas.
    texts: Vec<u8>,
    by_text: AHashMap<Box<[u8]>, u32>,
    /// The places of the entities, in the order of the data, and the index of each one's representation.
    pub targets: Vec<(Place, u32)>,
}

/// Collects the entities of a fetch.
///
/// # Errors
/// When the tapes cannot represent what the fetch needs, or there are more entities than allowed.
pub fn collect(
    tapes: &MergedTapes,
    batches: &[EntityBatch],
    entities_max: usize,
) -> Result<Vec<TapeRepresentations>, NotOnTapes> {
    let mut collected = Vec::with_capacity(batches.len());
    let mut count = 0;
    for batch in batches {
        let mut places = Vec::new();
        for path in &batch.paths {
            tapes.visit(path, &mut places)?;
        }
        let representations = TapeRepresentations::build(tapes, &batch.required, &places)?;
        count += representations.targets.len();
        if count > entities_max {
            return Err(NotOnTapes);
        }
        collected.push(representations);
    }
    Ok(collected)
}

impl TapeRepresentations {
    /// Builds the representations of the objects at these places.
    ///
    /// # Errors
    /// When one of them lacks a required value.
    fn build(tapes: &MergedTapes, required: &[RequiredSelection], places: &[Place]) -> Result<Self, NotOnTapes> {
        let mut collected = Self::default();
        collected.targets.reserve(places.len());
        let mut text = Vec::new();
        for place in places {
            text.clear();
            let mut writer = RepresentationWriter { tapes, out: &mut text };
            // An object of another type has no required value.
            if writer.object(required, *place)? > 0 {
                let index = collected.index_of(&text);
                collected.targets.push((*place, index));
            }
        }
        Ok(collected)
    }

    /// The number of representations.
    pub fn len(&self) -> usize {
        self.by_text.len()
    }

    /// Whether there are no entities to fetch.
    pub fn is_empty(&self) -> bool {
        self.by_text.is_empty()
    }

    /// Returns the list of representations as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        [b"[", &*self.texts, b"]"].concat()
    }

    fn index_of(&mut self, text: &[u8]) -> u32 {
        if let Some(index) = self.by_text.get(text) {
            return *index;
        }
        let index = self.by_text.len() as u32;
        if index > 0 {
            self.texts.push(b',');
        }
        self.texts.extend_from_slice(text);
        self.by_text.insert(text.into(), index);
        index
    }
}

/// The field of a representation, by its key, that is written.
type WrittenField<'a> = (&'a Name, &'a Name, &'a [RequiredSelection]);

struct RepresentationWriter<'a> {
    tapes: &'a MergedTapes,
    out: &'a mut Vec<u8>,
}

impl RepresentationWriter<'_> {
    /// Writes the required fields of an object, and returns their number.
    fn object(&mut self, required: &[RequiredSelection], object: Place) -> Result<usize, NotOnTapes> {
        self.out.push(b'{');
        let mut written = SmallVec::new();
        self.fields(required, object, &mut written)?;
        self.out.push(b'}');
        Ok(written.len())
    }

    fn fields<'r>(
        &mut self,
        required: &'r [RequiredSelection],
        object: Place,
        written: &mut SmallVec<[WrittenField<'r>; 4]>,
    ) -> Result<(), NotOnTapes> {
        for selection in required {
            match selection {
                RequiredSelection::On(types, required) => {
                    if self.tapes.is_of_types(object, types)? {
                        self.fields(required, object, written)?;
                    }
                }
                RequiredSelection::Field { key, name, inner } => {
                    let field: WrittenField<'_> = (key, name, inner);
                    match written.iter().find(|(known, ..)| *known == key) {
                        Some(known) if *known == field => continue,
                        Some(_) => return Err(NotOnTapes),
                        None => {}
                    }
                    let value = self.tapes.field(object, name).ok_or(NotOnTapes)?;
                    if !written.is_empty() {
                        self.out.push(b',');
                    }
                    written.push(field);
                    self.out.push(b'"');
                    self.out.extend_from_slice(key.as_bytes());
                    self.out.extend_from_slice(b"\":");
                    self.value(inner, value)?;
                }
            }
        }
        Ok(())
    }

    fn value(&mut self, required: &[RequiredSelection], value: Place) -> Result<(), NotOnTapes> {
        match self.tapes.kind(value) {
            NodeKind::List if !required.is_empty() => {
                self.out.push(b'[');
                for (index, item) in self.tapes.items(value).enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.value(required, item)?;
                }
                self.out.push(b']');
            }
            NodeKind::Object if !required.is_empty() => {
                self.object(required, value)?;
            }
            _ => self.out.extend_from_slice(self.tapes.text(value)),
        }
        Ok(())
    }
}
