//! JSON Schemas of the requests and replies. `docs/reference/` is generated from them.

pub use schemars::Schema;
use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, SchemaGenerator};

/// The type of a request or reply.
#[derive(Clone, Copy)]
pub struct Shape(fn(&mut SchemaGenerator) -> Schema);

impl Shape {
    /// The shape of `T`.
    #[must_use]
    pub const fn of<T: JsonSchema>() -> Self {
        Self(T::json_schema)
    }

    /// The shape of `T` with every field optional: a change of the fields that are given.
    #[must_use]
    pub const fn partial<T: JsonSchema>() -> Self {
        Self(|generator| {
            let mut schema = T::json_schema(generator);
            schema.remove("required");
            schema
        })
    }

    /// The JSON Schema of a request of this type (2020-12), with all its parts inlined.
    #[must_use]
    pub fn of_request(self) -> Schema {
        self.schema(Contract::Deserialize)
    }

    /// The JSON Schema of a reply of this type (2020-12), with all its parts inlined.
    #[must_use]
    pub fn of_reply(self) -> Schema {
        self.schema(Contract::Serialize)
    }

    fn schema(self, contract: Contract) -> Schema {
        let mut settings = SchemaSettings::draft2020_12();
        settings.inline_subschemas = true;
        settings.contract = contract;
        self.0(&mut settings.into_generator())
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Shape")
    }
}
