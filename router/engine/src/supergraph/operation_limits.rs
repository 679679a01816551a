//! Measures the size of an operation with its fragments expanded, before any other code walks it.

use std::collections::HashMap;

use apollo_compiler::Name;
use apollo_compiler::ast::{Definition, Document, Selection};

use super::request_error::RequestError;
use crate::limits::Limits;

/// The most levels of selections, inline fragments and spreads that a walk may descend, so that recursion cannot overflow
/// the stack; a few less than the validation allows.
const LEVELS_MAX: usize = 90;

/// Rejects a document that exceeds the limits, and returns the size of the requested operation.
///
/// Every fragment is measured once, however often it is spread. So the work is linear in the document's length, even if
/// the expanded operation is not.
pub fn check_operation_limits(
    document: &Document,
    operation_name: Option<&str>,
    limits: &Limits,
) -> Result<OperationSize, RequestError> {
    let mut fragments = HashMap::new();
    let mut directives = 0;
    for definition in &document.definitions {
        if let Definition::FragmentDefinition(fragment) = definition {
            directives += fragment.directives.len();
            fragments.insert(&fragment.name, &fragment.selection_set[..]);
        }
    }
    let mut visitor = LimitVisitor {
        fragments,
        measured: HashMap::new(),
        directives,
    };
    // Each operation is validated with all fragments that it spreads, so a fragment counts once for each operation.
    let mut fields = 0_usize;
    let mut requested = OperationSize::default();
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                visitor.directives += operation.directives.len();
                let size = visitor.selections(&operation.selection_set, 0)?;
                size.check(limits)?;
                if operation_name.is_none_or(|name| operation.name.as_ref().is_some_and(|is| is == name)) {
                    requested = size;
                }
                fields = fields.saturating_add(size.fields);
                check_limit("fields", fields, limits.query_fields_max)?;
            }
            Definition::FragmentDefinition(fragment) => {
                visitor.fragment(&fragment.name, 0)?.check(limits)?;
            }
            _ => {}
        }
    }
    check_limit("directives", visitor.directives, limits.query_directives_max)?;
    Ok(requested)
}

/// The size of a set of selections.
#[derive(Clone, Copy, Default)]
pub struct OperationSize {
    /// Levels of fields.
    depth: usize,
    /// Levels of fields and fragments.
    levels: usize,
    /// Fields, at any level.
    pub fields: usize,
    /// Aliases, at any level.
    pub aliases: usize,
    /// Fields at the top level.
    pub roots: usize,
}

impl OperationSize {
    fn check(self, limits: &Limits) -> Result<(), RequestError> {
        check_limit("levels", self.depth, limits.query_depth_max)?;
        check_limit("nested selections and fragments", self.levels, LEVELS_MAX)?;
        check_limit("fields", self.fields, limits.query_fields_max)?;
        check_limit("aliases", self.aliases, limits.query_aliases_max)?;
        check_limit("root fields", self.roots, limits.query_root_fields_max)
    }

    /// Returns the size of a fragment with these selections.
    fn in_fragment(self) -> Self {
        Self {
            levels: self.levels + 1,
            ..self
        }
    }

    fn add(&mut self, other: Self) {
        self.depth = self.depth.max(other.depth);
        self.levels = self.levels.max(other.levels);
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.roots = self.roots.saturating_add(other.roots);
    }
}

struct LimitVisitor<'a> {
    fragments: HashMap<&'a Name, &'a [Selection]>,
    /// The sizes measured so far; `None` while a fragment is being measured, which reveals a cycle.
    measured: HashMap<&'a Name, Option<OperationSize>>,
    directives: usize,
}

impl<'a> LimitVisitor<'a> {
    fn selections(&mut self, selections: &'a [Selection], level: usize) -> Result<OperationSize, RequestError> {
        check_limit("nested selections and fragments", level, LEVELS_MAX)?;
        let mut size = OperationSize::default();
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    self.directives += field.directives.len();
                    let inner = self.selections(&field.selection_set, level + 1)?;
                    size.add(OperationSize {
                        depth: inner.depth + 1,
                        levels: inner.levels + 1,
                        fields: inner.fields.saturating_add(1),
                        aliases: inner.aliases.saturating_add(usize::from(field.alias.is_some())),
                        roots: 1,
                    });
                }
                Selection::InlineFragment(fragment) => {
                    self.directives += fragment.directives.len();
                    size.add(self.selections(&fragment.selection_set, level + 1)?.in_fragment());
                }
                Selection::FragmentSpread(spread) => {
                    self.directives += spread.directives.len();
                    size.add(self.fragment(&spread.fragment_name, level + 1)?.in_fragment());
                }
            }
        }
        Ok(size)
    }

    fn fragment(&mut self, name: &'a Name, level: usize) -> Result<OperationSize, RequestError> {
        // The validation reports a fragment that does not exist or that contains itself.
        let Some(selections) = self.fragments.get(name).copied() else {
            return Ok(OperationSize::default());
        };
        if let Some(known) = self.measured.get(name) {
            return Ok(known.unwrap_or_default());
        }
        self.measured.insert(name, None);
        let size = self.selections(selections, level)?;
        self.measured.insert(name, Some(size));
        Ok(size)
    }
}

fn check_limit(what: &str, is: usize, max: usize) -> Result<(), RequestError> {
    if is <= max {
        Ok(())
    } else {
        Err(RequestError::TooComplex(format!(
            "the document has more {what} than the {max} allowed"
        )))
    }
}
