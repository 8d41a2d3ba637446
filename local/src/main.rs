//! `cargo run`: Switchhook on this machine.

/// The functions use this allocator on AWS, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    local::cli::run().await
}
