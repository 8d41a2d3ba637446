//! The program of every deployed function. It serves the function that the Lambda function's handler names.

use std::process::ExitCode;

/// A function spends much of its time on small allocations, most of them in the SDK. This allocator is faster than
/// libc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    functions::lambda::run_configured()
}
