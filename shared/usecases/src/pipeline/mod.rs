//! From an accepted event to its last attempt. [`fan_out()`] makes an event's deliveries, and [`deliver()`] makes their
//! attempts. [`sweep()`] and [`run_task()`] queue the attempts that waited in the table, or whose queue message was lost.

mod batch;
mod deliver;
mod dispatch;
mod endpoint;
mod fan_out;
mod log_entry;
mod process_records;
mod queue_attempt;
mod queue_record;
mod report;
mod run_task;
mod sweep;

pub(crate) use self::batch::Batch;
pub use self::deliver::deliver;
pub(crate) use self::dispatch::{Dispatch, decide, dispatch_to};
pub use self::fan_out::fan_out;
pub use self::queue_record::QueueRecord;
pub(crate) use self::report::report_accepted;
pub use self::run_task::run_task;
pub use self::sweep::sweep;
