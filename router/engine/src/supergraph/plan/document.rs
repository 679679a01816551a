//! The documents of fetches, as the gateway writes them.

use std::fmt::Write as _;

use apollo_compiler::Name;
use apollo_compiler::ast::Type;

use super::selections::ArgumentValue;
use crate::supergraph::arguments::Arguments;

/// A selection set.
#[derive(Clone, Debug, Default)]
pub struct SelectionSet {
    /// Its fields.
    pub fields: Vec<FieldSelection>,
    /// Its fragments, by the type that they apply to.
    pub fragments: Vec<(Name, SelectionSet)>,
}

/// A field of a selection set.
#[derive(Clone, Debug)]
pub struct FieldSelection {
    /// Its key in the response.
    pub key: Name,
    /// The field.
    pub name: Name,
    /// Its arguments.
    pub arguments: Vec<(Name, ArgumentValue)>,
    /// Its type in the subgraph; `None` for `__typename`.
    pub ty: Option<Type>,
    /// The selections on its value.
    pub inner: SelectionSet,
}

/// The name of the field that tells an object's type.
pub const TYPENAME: Name = apollo_compiler::name!("__typename");

impl FieldSelection {
    /// The field that tells an object's type, under a key.
    pub fn typename(key: Name) -> Self {
        Self {
            key,
            name: TYPENAME,
            arguments: Vec::new(),
            ty: None,
            inner: SelectionSet::default(),
        }
    }
}

impl SelectionSet {
    /// Returns the keys of its fields, whichever types they apply to.
    pub fn keys(&self) -> Vec<&Name> {
        let mut keys: Vec<_> = self.fields.iter().map(|field| &field.key).collect();
        let fragments = self.fragments.iter();
        keys.extend(fragments.flat_map(|(_, inner)| inner.keys()));
        keys
    }

    /// Whether it selects nothing.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.fragments.is_empty()
    }

    /// Marks the variables that its arguments use.
    pub fn mark_variables(&self, used: &mut [bool]) {
        for field in &self.fields {
            for (_, value) in &field.arguments {
                if let ArgumentValue::Variable(place) = value
                    && let Some(used) = used.get_mut(*place)
                {
                    *used = true;
                }
            }
            field.inner.mark_variables(used);
        }
        self.fragments.iter().for_each(|(_, inner)| inner.mark_variables(used));
    }

    /// Writes it as GraphQL, with its braces; nothing if it is empty.
    pub fn write(&self, out: &mut String, arguments: &Arguments) {
        if self.is_empty() {
            return;
        }
        let mut separator = '{';
        for field in &self.fields {
            out.push(separator);
            separator = ' ';
            field.write(out, arguments);
        }
        for (ty, inner) in &self.fragments {
            let _ = write!(out, "{separator}...on {ty}");
            separator = ' ';
            inner.write(out, arguments);
        }
        out.push('}');
    }
}

impl FieldSelection {
    fn write(&self, out: &mut String, arguments: &Arguments) {
        if self.key != self.name {
            let _ = write!(out, "{}: ", self.key);
        }
        out.push_str(&self.name);
        let mut separator = "(";
        for (name, value) in &self.arguments {
            let _ = match value {
                ArgumentValue::Variable(place) => {
                    write!(out, "{separator}{name}: ${}", arguments.list()[*place].name)
                }
                ArgumentValue::Representations(variable) => write!(out, "{separator}{name}: ${variable}"),
                ArgumentValue::Constant(text) => write!(out, "{separator}{name}: {text}"),
            };
            separator = ", ";
        }
        if !self.arguments.is_empty() {
            out.push(')');
        }
        self.inner.write(out, arguments);
    }
}
