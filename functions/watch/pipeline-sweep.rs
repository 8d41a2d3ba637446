//! Queues overdue attempts again.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::pipeline::sweep::FUNCTION)
}
