//! Triggered by the events queue: decides who gets an event, and queues one delivery for each.

fn main() -> std::process::ExitCode {
    functions::run(functions::pipeline::fan_out::FUNCTION)
}
