//! Checks the values in a document that the validating library does not check: the formats of scalars, duplicate input
//! fields, variables inside of lists and objects, and input objects that require exactly one field.

use std::collections::HashSet;

use apollo_compiler::ast::{Argument, DirectiveList, InputValueDefinition, Type, Value as Literal, VariableDefinition};
use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{ExecutableDocument, Name, Node};
use async_graphql::Variables;
use foundation::Scalar;

use super::super::request_error::{Diagnostic, InvalidValue, Location, RequestError};
use super::super::schema::PublicSchema;
use super::super::variables::literal_value;
use super::location::location;

/// A scalar literal with variables in it: its value is known only per request.
#[derive(Debug)]
pub struct DeferredLiteral {
    scalar: &'static Scalar,
    at: String,
    locations: Vec<Location>,
    value: Node<Literal>,
}

impl DeferredLiteral {
    /// Checks it with the variables of a request.
    ///
    /// # Errors
    /// When the value does not have the scalar's format.
    pub fn check(&self, variables: &Variables) -> Result<(), RequestError> {
        let checked = self.scalar.check(&literal_value(&self.value, variables));
        checked.map_err(|misfit| InvalidValue::new(&self.at, &misfit, self.locations.clone()).into())
    }
}

/// Checks the values of a document, and returns the literals of `operation` to check for each request.
///
/// # Errors
/// The first invalid value.
pub fn check_values(
    schema: &PublicSchema,
    document: &ExecutableDocument,
    operation: Option<&Node<Operation>>,
) -> Result<Vec<DeferredLiteral>, RequestError> {
    let mut deferred = Vec::new();
    for checked in document.operations.iter() {
        let mut visitor = ValueVisitor {
            schema,
            document,
            variables: &checked.variables,
            visited: HashSet::new(),
            deferred: Vec::new(),
            at: String::new(),
        };
        visitor.operation(checked)?;
        if operation.is_some_and(|operation| operation.name == checked.name) {
            deferred = visitor.deferred;
        }
    }
    Ok(deferred)
}

struct ValueVisitor<'a> {
    schema: &'a PublicSchema,
    document: &'a ExecutableDocument,
    variables: &'a [Node<VariableDefinition>],
    /// Fragments whose selections have been visited.
    visited: HashSet<&'a Name>,
    deferred: Vec<DeferredLiteral>,
    /// The path of the current value, as messages show it: `input.tags[2]`, `$price`.
    at: String,
}

impl<'a> ValueVisitor<'a> {
    fn operation(&mut self, operation: &'a Operation) -> Result<(), RequestError> {
        self.directives(&operation.directives)?;
        for variable in &operation.variables {
            self.directives(&variable.directives)?;
            if let Some(default) = &variable.default_value {
                self.inside(&format!("${}", variable.name), |this| {
                    this.value(&variable.ty, false, default)
                })?;
            }
        }
        self.selections(&operation.selection_set)
    }

    fn selections(&mut self, set: &'a SelectionSet) -> Result<(), RequestError> {
        for selection in &set.selections {
            self.directives(selection.directives())?;
            match selection {
                Selection::Field(field) => {
                    self.arguments(&field.arguments, &field.definition.arguments)?;
                    self.selections(&field.selection_set)?;
                }
                Selection::InlineFragment(inline) => self.selections(&inline.selection_set)?,
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.fragment_name);
                    if let Some(fragment) = fragment.filter(|_| self.visited.insert(&spread.fragment_name)) {
                        self.directives(&fragment.directives)?;
                        self.selections(&fragment.selection_set)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn directives(&mut self, directives: &'a DirectiveList) -> Result<(), RequestError> {
        for directive in directives.iter() {
            if let Some(definition) = self.schema.types.directive_definitions.get(&directive.name) {
                self.arguments(&directive.arguments, &definition.arguments)?;
            }
        }
        Ok(())
    }

    fn arguments(
        &mut self,
        arguments: &'a [Node<Argument>],
        definitions: &[Node<InputValueDefinition>],
    ) -> Result<(), RequestError> {
        for argument in arguments {
            let definition = definitions.iter().find(|definition| definition.name == argument.name);
            if let Some(definition) = definition {
                let has_default = definition.default_value.is_some();
                self.inside(&argument.name, |this| {
                    this.value(&definition.ty, has_default, &argument.value)
                })?;
            }
        }
        Ok(())
    }

    /// Runs `check` with `step` appended to the path of the current value.
    fn inside(
        &mut self,
        step: &str,
        check: impl FnOnce(&mut Self) -> Result<(), RequestError>,
    ) -> Result<(), RequestError> {
        let length = self.at.len();
        self.at.push_str(step);
        check(self)?;
        self.at.truncate(length);
        Ok(())
    }

    /// Checks a value. `has_default` tells whether the argument or input field has a default, so that a variable may be
    /// null there.
    fn value(&mut self, ty: &Type, has_default: bool, value: &Node<Literal>) -> Result<(), RequestError> {
        match (&**value, ty) {
            (Literal::Variable(name), _) => self.variable(ty, has_default, name, value),
            (Literal::Null, _) => Ok(()),
            (Literal::List(items), Type::List(item) | Type::NonNullList(item)) => {
                for (index, value) in items.iter().enumerate() {
                    self.inside(&format!("[{index}]"), |this| this.value(item, false, value))?;
                }
                Ok(())
            }
            (_, Type::List(item) | Type::NonNullList(item)) => self.value(item, false, value),
            (_, Type::Named(name) | Type::NonNullNamed(name)) => match (self.schema.types.types.get(name), &**value) {
                (Some(ExtendedType::InputObject(input)), Literal::Object(members)) => {
                    self.input_object(input, members, value)
                }
                (Some(ExtendedType::Scalar(scalar)), _) if !scalar.is_built_in() => self.scalar(name, value),
                _ => Ok(()),
            },
        }
    }

    fn variable(&self, ty: &Type, has_default: bool, name: &Name, value: &Node<Literal>) -> Result<(), RequestError> {
        let Some(variable) = self.variables.iter().find(|variable| variable.name == *name) else {
            return Err(self.validation_error(format!("variable ${name} is not defined"), value));
        };
        let is_given = has_default
            || variable
                .default_value
                .as_ref()
                .is_some_and(|default| !default.is_null())
            || variable.ty.is_non_null();
        let is_allowed = if ty.is_non_null() && is_given {
            variable.ty.is_assignable_to(ty) || variable.ty.is_assignable_to(&ty.clone().nullable())
        } else {
            variable.ty.is_assignable_to(ty)
        };
        if is_allowed {
            Ok(())
        } else {
            let message = format!(
                "variable ${name} is of type {}, and {} must be of type {ty}",
                variable.ty, self.at
            );
            Err(self.validation_error(message, value))
        }
    }

    fn input_object(
        &mut self,
        input: &InputObjectType,
        members: &[(Name, Node<Literal>)],
        value: &Node<Literal>,
    ) -> Result<(), RequestError> {
        self.unique_members(members)?;
        if input.directives.get("oneOf").is_some() {
            let is_null = |value: &Literal| match value {
                Literal::Variable(name) => {
                    let mut variables = self.variables.iter();
                    variables.any(|variable| variable.name == *name && !variable.ty.is_non_null())
                }
                value => value.is_null(),
            };
            if members.len() != 1 || members.iter().any(|(_, value)| is_null(value)) {
                let message = format!("exactly one field of {} must be given, and not be null", input.name);
                return Err(self.validation_error(message, value));
            }
        }
        for (name, value) in members {
            if let Some(field) = input.fields.get(name) {
                let has_default = field.default_value.is_some();
                self.inside(&format!(".{name}"), |this| this.value(&field.ty, has_default, value))?;
            }
        }
        Ok(())
    }

    fn unique_members(&self, members: &[(Name, Node<Literal>)]) -> Result<(), RequestError> {
        let mut seen = HashSet::new();
        match members.iter().find(|(name, _)| !seen.insert(name)) {
            None => Ok(()),
            Some((name, value)) => {
                let message = format!("there can be only one input field named \"{name}\"");
                Err(self.validation_error(message, value))
            }
        }
    }

    /// Checks the literal of a custom scalar.
    fn scalar(&mut self, name: &Name, value: &Node<Literal>) -> Result<(), RequestError> {
        let has_variables = self.inner_values(value)?;
        let Some(scalar) = self.schema.scalar(name) else {
            return Ok(());
        };
        let locations = location(self.document, value.location());
        if has_variables {
            self.deferred.push(DeferredLiteral {
                scalar,
                at: self.at.clone(),
                locations,
                value: value.clone(),
            });
            return Ok(());
        }
        let checked = scalar.check(&literal_value(value, &Variables::default()));
        checked.map_err(|misfit| InvalidValue::new(&self.at, &misfit, locations).into())
    }

    /// Checks the rules that hold inside of any value, and returns whether it contains a variable.
    fn inner_values(&self, value: &Node<Literal>) -> Result<bool, RequestError> {
        let mut has_variables = false;
        match &**value {
            Literal::Variable(name) => {
                if !self.variables.iter().any(|variable| variable.name == *name) {
                    return Err(self.validation_error(format!("variable ${name} is not defined"), value));
                }
                has_variables = true;
            }
            Literal::List(items) => {
                for item in items {
                    has_variables |= self.inner_values(item)?;
                }
            }
            Literal::Object(members) => {
                self.unique_members(members)?;
                for (_, member) in members {
                    has_variables |= self.inner_values(member)?;
                }
            }
            _ => {}
        }
        Ok(has_variables)
    }

    fn validation_error(&self, message: String, value: &Node<Literal>) -> RequestError {
        RequestError::Validation(vec![Diagnostic {
            message,
            locations: location(self.document, value.location()),
            field: Some(self.at.trim_start_matches('$').to_owned()),
        }])
    }
}
