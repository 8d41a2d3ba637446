//! Triggered by a schedule: finds deliveries that are overdue, and queues them again.

fn main() -> std::process::ExitCode {
    functions::run(functions::pipeline::sweep::FUNCTION)
}
