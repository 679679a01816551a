//! The nine domains use the same conventions: a client that knows one of them knows the others.

use std::collections::{BTreeMap, BTreeSet};

use agora::supergraph::public_sdl;
use apollo_compiler::Schema;
use apollo_compiler::ast::{FieldDefinition, Type};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;

const SUPERGRAPH: &str = include_str!("../../../supergraph.graphql");

/// Mutations that are safe to repeat without a key: the second time has no further effect, is an error, or signs in once more.
const NEEDS_NO_KEY: &[&str] = &[
    "acknowledgeOrder",
    "cancelOrder",
    "changePassword",
    "clearVote",
    "commitShares",
    "deactivateAccount",
    "deleteBook",
    "deleteMessage",
    "deletePost",
    "deleteShopOrder",
    "eraseAccount",
    "favoriteMessage",
    "invalidateStock",
    "login",
    "logout",
    "markRead",
    "proposeLeader",
    "refresh",
    "revokeAuthorization",
    "setBalance",
    "setPassword",
    "setPrice",
    "updateBook",
    "updateEmail",
    "updateProduct",
    "updateProfile",
    "updateShopOrder",
    "updateUser",
];

#[test]
fn every_mutation_that_adds_something_takes_an_idempotency_key() {
    let schema = public();
    let mutation = schema.get_object("Mutation").unwrap();
    let (with, without): (Vec<_>, Vec<_>) = mutation
        .fields
        .values()
        .partition(|field| field.argument_by_name("idempotencyKey").is_some());
    let without: BTreeSet<&str> = without.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(without, NEEDS_NO_KEY.iter().copied().collect());
    for field in with {
        let key = field.argument_by_name("idempotencyKey").unwrap();
        let said = "The key that makes it safe to send the request again: see `Mutation`.";
        assert_eq!(key.ty.to_string(), "String", "{}", field.name);
        assert_eq!(key.description.as_deref(), Some(said), "{}", field.name);
    }
}

#[test]
fn every_paged_list_takes_the_same_four_arguments() {
    let schema = public();
    let paging = [
        ("after", "String", "Only nodes after this cursor."),
        ("before", "String", "Only nodes before this cursor."),
        ("first", "Int", "The number of nodes from the front, 0 to 100."),
        (
            "last",
            "Int",
            "The number of nodes from the end, 0 to 100; not together with `first`.",
        ),
    ];
    let mut lists = 0;
    for (name, field) in fields(&schema) {
        let taken: Vec<(&str, String, &str)> = field
            .arguments
            .iter()
            .filter(|argument| paging.iter().any(|(name, ..)| argument.name == *name))
            .map(|argument| {
                let description = argument.description.as_deref().unwrap_or_default();
                (argument.name.as_str(), argument.ty.to_string(), description)
            })
            .collect();
        let is_list = field.ty.inner_named_type().ends_with("Connection");
        let wanted: Vec<(&str, String, &str)> = if is_list {
            paging
                .iter()
                .map(|(name, ty, about)| (*name, (*ty).to_owned(), *about))
                .collect()
        } else {
            Vec::new()
        };
        assert_eq!(taken, wanted, "{name}");
        lists += usize::from(is_list);
    }
    assert!(lists > 9, "every domain has a list, and these are {lists}");
}

#[test]
fn a_field_name_has_one_meaning_in_all_types() {
    let schema = public();
    let mut arguments: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, field) in fields(&schema) {
        let named = [(field.name.as_str(), &field.ty)];
        let taken = field.arguments.iter().map(|taken| (taken.name.as_str(), &*taken.ty));
        for (word, ty) in named.into_iter().chain(taken) {
            assert_name_fits_type(&name, word, ty);
        }
        for argument in &field.arguments {
            let types = arguments.entry(argument.name.as_str()).or_default();
            types.insert(argument.ty.inner_named_type().as_str());
        }
    }
    for ty in schema.types.values() {
        let ExtendedType::InputObject(input) = ty else { continue };
        for member in input.fields.values() {
            assert_name_fits_type(&input.name, &member.name, &member.ty);
        }
    }
    // Each mutation has an `input` of its own and each entity a `status` of its own; both shares and money can be `committed`.
    arguments.retain(|name, types| !["input", "status", "committed"].contains(name) && types.len() > 1);
    assert_eq!(arguments, BTreeMap::new());
}

fn assert_name_fits_type(place: &str, word: &str, ty: &Type) {
    let named = ty.inner_named_type().as_str();
    if word == "id" || word == "ids" || word.ends_with("Id") {
        assert_eq!(named, "ID", "{place}: {word}");
    }
    if word == "at" || word.ends_with("At") {
        assert_eq!(named, "DateTime", "{place}: {word}");
    }
    if word == "date" {
        assert_eq!(named, "Date", "{place}: {word}");
    }
    if ["price", "total", "fee", "balance"].contains(&word) {
        assert_eq!(named, "Money", "{place}: {word}");
    }
}

#[test]
fn every_type_field_and_argument_has_a_description() {
    let schema = public();
    let mut silent = Vec::new();
    for (name, ty) in &schema.types {
        if ty.is_built_in() {
            continue;
        }
        // The library generates these types without descriptions.
        if ty.description().is_none() && !name.ends_with("Connection") {
            silent.push(name.to_string());
        }
        match ty {
            ExtendedType::InputObject(input) => {
                let members = input.fields.values().filter(|member| member.description.is_none());
                silent.extend(members.map(|member| format!("{name}.{}", member.name)));
            }
            ExtendedType::Enum(words) => {
                for word in words.values.values() {
                    let shout = word.value.as_str().to_ascii_uppercase();
                    assert_eq!(word.value.as_str(), shout, "{name}");
                    if word.description.is_none() {
                        silent.push(format!("{name}.{}", word.value));
                    }
                }
            }
            _ => {}
        }
    }
    for (name, field) in fields(&schema) {
        let arguments = field.arguments.iter().filter(|argument| argument.description.is_none());
        silent.extend(arguments.map(|argument| format!("{name}({})", argument.name)));
        if field.description.is_none() {
            silent.push(name);
        }
    }
    assert!(silent.is_empty(), "without a description in the schema: {silent:?}");
}

fn public() -> Valid<Schema> {
    let public = public_sdl(SUPERGRAPH).unwrap();
    Schema::parse_and_validate(&public, "schema.graphql").unwrap()
}

/// Returns the fields of all types that are not the specification's own, each with its name as `Type.field`.
fn fields(schema: &Schema) -> impl Iterator<Item = (String, &FieldDefinition)> {
    let own = schema.types.values().filter(|ty| !ty.is_built_in());
    own.filter_map(|ty| ty.as_object()).flat_map(|ty| {
        ty.fields
            .values()
            .map(move |field| (format!("{}.{}", ty.name, field.name), &***field))
    })
}
