//! `GET /casey/v1/backend/webhooks/{id}`: shows an endpoint.

fn main() -> std::process::ExitCode {
    functions::run(functions::casey::get_webhook::FUNCTION)
}
