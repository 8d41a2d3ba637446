//! Makes projects and API keys, for who has AWS credentials to invoke it.

fn main() -> std::process::ExitCode {
    functions::run(functions::admin::FUNCTION)
}
