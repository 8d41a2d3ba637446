//! FastAPI's errors and Pydantic's conversions. AgentLine and AgentPhone are written with these libraries.

mod integer;
mod render_error;

pub use self::render_error::render_error;
use crate::http::fields::Conversions;

/// Pydantic's lax mode: unknown fields are ignored, and numbers may be written as strings.
pub const PYDANTIC: Conversions = Conversions { blank_is_null: false, integer: integer::read_integer };

/// The longest URL that Pydantic's `HttpUrl` takes, in characters.
pub const URL_CHARS_MAX: usize = 2083;
