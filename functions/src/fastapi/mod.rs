//! The shapes that FastAPI gives to errors, and the checks that Pydantic makes of a body: AgentLine and AgentPhone
//! are written with them, and their clients know them.

mod fields;
mod problem;

pub use fields::{Fields, object, query};
pub use problem::{FieldError, Problem};
