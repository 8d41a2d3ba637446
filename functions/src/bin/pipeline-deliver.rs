//! Triggered by the deliveries and retries queues: makes an attempt, logs it, and queues the next where one is due.

fn main() -> std::process::ExitCode {
    functions::run(functions::pipeline::deliver::FUNCTION)
}
