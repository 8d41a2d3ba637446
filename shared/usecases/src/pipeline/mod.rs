//! From an accepted event to its last attempt. [`fan_out()`] makes an event's deliveries, and [`deliver()`] makes their
//! attempts. [`sweep()`] finds attempts whose queue message was lost.

mod batch;
mod deliver;
mod dispatch;
mod endpoint;
mod fan_out;
mod log_entry;
mod process_records;
mod queue_record;
mod report;
mod sweep;

pub use self::deliver::deliver;
pub use self::fan_out::fan_out;
pub use self::queue_record::QueueRecord;
pub(crate) use self::report::report_accepted;
pub use self::sweep::sweep;
