//! Finds deliveries that are due soon or overdue, and queues tasks that release them.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::pipeline::sweep::FUNCTION)
}
