//! The local stack as a program, built beside the tests. They find it by `CARGO_BIN_EXE_switchhook-under-test`.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    local::cli::run().await
}
