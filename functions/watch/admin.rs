//! Makes and deletes projects and API keys, for somebody with AWS credentials.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::admin::FUNCTION)
}
