//! Makes a delivery of each event for each webhook that gets it.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::pipeline::fan_out::FUNCTION)
}
