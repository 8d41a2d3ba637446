//! The program of every deployed function: it serves the one that the Lambda function's handler names.

use std::process::ExitCode;

/// A function's time goes into small allocations, of the SDK's most of all. This allocator makes them faster than libc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    functions::lambda::run_configured()
}
