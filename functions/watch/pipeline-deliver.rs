//! Makes the attempts of deliveries: signs, sends, logs, and queues the next one.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::pipeline::deliver::FUNCTION)
}
