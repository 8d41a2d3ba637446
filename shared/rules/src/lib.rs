//! Decisions as pure functions: the same arguments give the same result. No I/O, no clock, no random numbers.
//!
//! | module | decides |
//! |---|---|
//! | [`routing`] | which webhooks get an event |
//! | [`retry`] | whether and when a failed delivery is tried again |
//! | [`sign`] | the headers that sign a delivery |
//! | [`seal`] | how secrets are encrypted in the store |
//! | [`render`] | the body that a customer's template gives |
//! | [`url`], [`header`] | which URLs and headers a customer may set |
//! | [`address`] | which IP addresses a delivery may connect to |
//! | [`settings`] | how the environment is read |

pub mod address;
pub mod header;
pub mod render;
pub mod retry;
pub mod routing;
pub mod seal;
pub mod settings;
pub mod sign;
pub mod url;
