//! Shows the secret that signs an endpoint's deliveries.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::casey::get_secret::FUNCTION)
}
