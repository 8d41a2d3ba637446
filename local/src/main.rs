//! `cargo run`: Switchhook on this machine.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    local::cli::run().await
}
