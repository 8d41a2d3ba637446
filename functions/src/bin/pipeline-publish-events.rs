//! `POST /v1/events`: takes events to deliver.

fn main() -> std::process::ExitCode {
    functions::run(functions::pipeline::publish_events::FUNCTION)
}
