//! The shared parts of the HTTP handlers: authentication ([`authenticate`]), reading a request ([`read_request`],
//! [`fields`]), paging ([`cursor`]), replies ([`reply`]) and errors ([`api_error`]).

pub mod api_error;
pub mod authenticate;
pub mod cursor;
pub mod fields;
pub mod read_request;
pub mod reply;
