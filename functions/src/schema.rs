//! JSON Schemas of the requests and replies. `docs/reference/` is generated from them.

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// The type of a request or reply.
#[derive(Clone, Copy)]
pub struct Shape(fn(&mut SchemaGenerator) -> Schema);

impl Shape {
    /// The shape of `T`.
    #[must_use]
    pub const fn of<T: JsonSchema>() -> Self {
        Self(T::json_schema)
    }

    /// The type's JSON Schema (2020-12), with all its parts inlined.
    #[must_use]
    pub fn schema(self) -> Schema {
        let mut settings = schemars::generate::SchemaSettings::draft2020_12();
        settings.inline_subschemas = true;
        self.0(&mut settings.into_generator())
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Shape")
    }
}
