//! Queues the attempts of deliveries that waited in the table, a page at a time.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::pipeline::run_task::FUNCTION)
}
