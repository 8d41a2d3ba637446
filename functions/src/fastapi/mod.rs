//! FastAPI's errors, and Pydantic's way with values: AgentLine and AgentPhone are written with them.

mod integer;
mod render_error;

pub use self::render_error::render_error;
use crate::http::fields::Family;

/// Pydantic in its lax mode: unknown fields are passed over, and numbers may be written as strings.
pub const PYDANTIC: Family = Family { blank_is_null: false, integer: integer::read_integer };

/// The longest URL that Pydantic's `HttpUrl` takes, in characters.
pub const URL_CHARS_MAX: usize = 2083;
