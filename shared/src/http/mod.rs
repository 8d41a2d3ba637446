//! What the HTTP functions share: who calls ([`caller`]), reading a request ([`request`]), answering ([`reply`]), and
//! paging ([`cursor`]).

pub mod caller;
pub mod cursor;
pub mod reply;
pub mod request;
