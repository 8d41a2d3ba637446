//! `GET /casey/v1/backend/webhooks/{id}/secret`: shows what an endpoint's deliveries are signed with.

fn main() -> std::process::ExitCode {
    functions::run(functions::casey::get_secret::FUNCTION)
}
