//! The local stack, built beside the tests: they find it by `CARGO_BIN_EXE_switchhook-under-test`.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    local::cli::run().await
}
