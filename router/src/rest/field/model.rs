//! The types of values, and the fields of objects.

use super::bounds::ValueBounds;

/// The type of a value.
#[derive(Clone, Copy)]
pub enum FieldType {
    /// A text. The domain refuses blank and too long texts.
    Text,
    /// A count: a JSON integer without fraction or exponent (docs/rest-contract/common.md#quantities). The graph's `Int`.
    Quantity {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A JSON number whose value is an integer, however it is written. The graph's `Int`.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// An id: a JSON number here whose value is an integer of 64 bits, an `ID` in the graph.
    Id {
        /// The smallest valid id.
        min: i64,
    },
    /// An amount in the default currency: a JSON number here, the scalar `Money` in the graph.
    Money {
        /// The smallest amount in minor units.
        min_minor: i64,
    },
    /// A JSON number, the graph's `Float`. The domain checks its range.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A moment, RFC 3339; a plain date is the start of that day in UTC.
    DateTime,
    /// The end of a validity, RFC 3339; a plain date is the end of that day in UTC.
    EndOfValidity,
    /// A moment of that kind in which a time without an offset is in UTC. Only in requests.
    UtcByDefault(&'static FieldType),
    /// A day of the calendar, `YYYY-MM-DD`; the graph's `Date`.
    Date,
    /// One of these words, case-sensitive; each with its value in the graph. Where several words share a value, a request may
    /// have any of them and a response has the first.
    Enum(&'static [(&'static str, &'static str)]),
    /// One of these words, case-insensitive.
    EnumIgnoringCase(&'static [(&'static str, &'static str)]),
    /// Always this JSON.
    Const(&'static str),
    /// An object.
    Object(&'static ObjectModel),
    /// An array; in a path, a query or a form its items with commas between them.
    List(&'static FieldType),
    /// A list, written as an object: the key of each item is its value at `key_pointer`. Only in responses.
    KeyedList {
        /// The JSON pointer of the key in an item.
        key_pointer: &'static str,
        /// The type of an item.
        item_type: &'static FieldType,
    },
    /// The first of these values that is not null, each at its JSON pointer. Only in responses.
    FirstNonNull(&'static [(&'static str, FieldType)]),
}

/// A quantity of something (docs/rest-contract/common.md#quantities).
pub const QUANTITY: FieldType = FieldType::Quantity {
    min: 1,
    max: i32::MAX as i64,
};

/// An id, from 1 on.
pub const ID: FieldType = FieldType::Id { min: 1 };

/// A reference by id in a body: any integer is valid, also one for which nothing exists.
pub const REFERENCE: FieldType = FieldType::Id { min: i64::MIN };

/// Returns the model of a response that only acknowledges the request.
pub const fn acknowledgement(name: &'static str, fields: &'static [Field]) -> ObjectModel {
    ObjectModel {
        name,
        about: "The acknowledgement of a successful request.",
        fields,
        example: "",
    }
}

/// An object with a name.
pub struct ObjectModel {
    /// Its name in the OpenAPI document.
    pub name: &'static str,
    /// Its description.
    pub about: &'static str,
    /// Its members, in the order they are written.
    pub fields: &'static [Field],
    /// An example, as JSON, that works on the sample data; empty where a response's own example shows it.
    pub example: &'static str,
}

/// A member of an object, or a parameter.
#[derive(Clone, Copy)]
pub struct Field {
    /// Its name here.
    pub name: &'static str,
    /// Its type.
    pub field_type: FieldType,
    /// Its JSON pointer in the graph: into the variables for a request, into the node for a response.
    /// `None` where it has the same name.
    pointer: Option<&'static str>,
    /// Its second spelling, which the contract has too: a request may use either, a response has both.
    pub alias: Option<&'static str>,
    /// Whether it may be missing or null.
    pub presence: Presence,
    /// Its description in the documentation; may be empty.
    pub about: &'static str,
    /// The bounds that its domain sets for values in a request, for the documentation.
    pub bounds: ValueBounds,
    /// Whether a request may repeat its current value, which changes nothing.
    pub immutable: bool,
}

/// Whether a member may be missing or null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A request must have it, and a response always has it.
    Required,
    /// A request may omit it; null is an error.
    Optional,
    /// A request may omit it, and requests and responses may have null.
    Nullable,
}

impl Field {
    /// Creates a required member with the same name in the graph.
    pub const fn new(name: &'static str, field_type: FieldType) -> Self {
        Self {
            name,
            field_type,
            pointer: None,
            alias: None,
            presence: Presence::Required,
            about: "",
            bounds: ValueBounds::None,
            immutable: false,
        }
    }

    /// Allows a request to repeat its current value, which changes nothing.
    pub const fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Sets its JSON pointer in the graph. `""` is the node itself in a response; in a request, the value is only checked.
    pub const fn pointer(mut self, pointer: &'static str) -> Self {
        self.pointer = Some(pointer);
        self
    }

    /// Adds its second spelling. The documentation mentions it and has no member for it: generated clients would have one name
    /// for both.
    pub const fn alias(mut self, name: &'static str) -> Self {
        self.alias = Some(name);
        self
    }

    /// Allows a request to omit it.
    pub const fn optional(mut self) -> Self {
        self.presence = Presence::Optional;
        self
    }

    /// Allows a request to omit it, and null in both directions.
    pub const fn nullable(mut self) -> Self {
        self.presence = Presence::Nullable;
        self
    }

    /// Sets the bounds that its domain has for it in a request.
    pub const fn bounds(mut self, bounds: ValueBounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Sets its description.
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Returns its JSON pointer in the graph.
    pub fn json_pointer(&self) -> String {
        self.pointer.map_or_else(|| format!("/{}", self.name), str::to_owned)
    }

    /// Returns this member and all members below it.
    pub fn flatten(&self) -> Vec<RequestMember> {
        let mut members = vec![RequestMember {
            name: self.name.to_owned(),
            pointer: self.json_pointer(),
            field_type: self.field_type,
            presence: self.presence,
        }];
        if let FieldType::Object(model) = self.field_type {
            members.extend(model.fields.iter().flat_map(Self::flatten).map(|below| RequestMember {
                name: format!("{}.{}", self.name, below.name),
                pointer: format!("{}{}", self.json_pointer(), below.pointer),
                // An object that a request may omit makes its members optional too.
                presence: if self.presence == Presence::Required {
                    below.presence
                } else {
                    self.presence
                },
                ..below
            }));
        }
        members
    }
}

/// A member of a request, at any depth.
pub struct RequestMember {
    /// Its path of names: `entry.quantity`.
    pub name: String,
    /// Its JSON pointer into the variables; empty for an object whose members have pointers of their own.
    pub pointer: String,
    /// Its type.
    pub field_type: FieldType,
    /// Whether it may be missing or null.
    pub presence: Presence,
}
