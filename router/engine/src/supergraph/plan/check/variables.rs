//! The variables of a fetch: used, declared and passed.

use apollo_compiler::ast::Type;
use apollo_compiler::collections::HashSet;
use async_graphql::Name;
use async_graphql::parser::types::{BaseType, OperationDefinition, Type as DeclaredType};
use async_graphql_value::Value;

use super::fault::{PlanFault, invalid};
use crate::supergraph::arguments::Arguments;
use crate::supergraph::plan::model::EntityBatch;

/// The variables of a document.
pub struct DocumentVariables<'a> {
    declared: Vec<(&'a str, &'a DeclaredType)>,
    used: HashSet<&'a str>,
}

impl<'a> DocumentVariables<'a> {
    /// The variables that an operation declares.
    pub fn declared(operation: &'a OperationDefinition) -> Self {
        let declared = operation.variable_definitions.iter().map(|definition| {
            let definition = &definition.node;
            (definition.name.node.as_str(), &definition.var_type.node)
        });
        Self {
            declared: declared.collect(),
            used: HashSet::default(),
        }
    }

    /// Notes the variables of a value. A variable that is the whole value must have the type of the place.
    pub fn note(&mut self, value: &'a Value, place: Option<&Type>) -> Result<(), PlanFault> {
        match value {
            Value::Variable(name) => {
                let declared = self.ty(name).ok_or_else(|| invalid("a variable is not declared"))?;
                if place.is_some_and(|place| !accepts(place, declared)) {
                    return Err(invalid("a variable does not have the type of its argument"));
                }
                self.used.insert(name);
            }
            Value::List(items) => items.iter().try_for_each(|item| self.note(item, None))?,
            Value::Object(members) => members.values().try_for_each(|member| self.note(member, None))?,
            _ => {}
        }
        Ok(())
    }

    /// Checks that all declared variables are used, and that exactly these are passed: arguments of the operation, and the
    /// representations of batches.
    pub fn check(&self, arguments: &Arguments, passed: &[Name], batches: &[EntityBatch]) -> Result<(), PlanFault> {
        for (name, declared) in &self.declared {
            if !self.used.contains(name) {
                return Err(invalid("a variable is not used"));
            }
            if batches.iter().any(|batch| batch.variable == *name) {
                continue;
            }
            let argument = arguments.list().iter().find(|argument| argument.name == *name);
            if !argument.is_some_and(|argument| is_same(&argument.ty, declared)) {
                return Err(invalid("a variable is no argument of the operation"));
            }
            if !passed.iter().any(|passed| passed == name) {
                return Err(invalid("a variable is not passed"));
            }
        }
        if passed.iter().any(|name| self.ty(name).is_none()) {
            return Err(invalid("a variable is passed that is not declared"));
        }
        Ok(())
    }

    fn ty(&self, name: &str) -> Option<&'a DeclaredType> {
        let mut declared = self.declared.iter();
        declared.find(|(known, _)| *known == name).map(|(_, ty)| *ty)
    }
}

fn is_same(ty: &Type, declared: &DeclaredType) -> bool {
    ty.is_non_null() != declared.nullable && accepts(ty, declared)
}

/// Whether an argument of this type accepts all values of a variable.
fn accepts(place: &Type, declared: &DeclaredType) -> bool {
    if place.is_non_null() && declared.nullable {
        return false;
    }
    match (place, &declared.base) {
        (Type::Named(name) | Type::NonNullNamed(name), BaseType::Named(declared)) => name.as_str() == declared.as_str(),
        (Type::List(item) | Type::NonNullList(item), BaseType::List(declared)) => accepts(item, declared),
        _ => false,
    }
}
