//! Takes events to deliver.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::pipeline::publish_events::FUNCTION)
}
