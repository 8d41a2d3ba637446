//! `POST /casey/v1/backend/webhooks`: adds an endpoint.

fn main() -> std::process::ExitCode {
    functions::run(functions::casey::create_webhook::FUNCTION)
}
