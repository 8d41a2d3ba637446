//! Shows what an endpoint's deliveries are signed with.

fn main() -> std::process::ExitCode {
    functions::lambda::run(functions::casey::get_secret::FUNCTION)
}
