//! `DELETE /casey/v1/backend/webhooks/{id}`: removes an endpoint.

fn main() -> std::process::ExitCode {
    functions::run(functions::casey::delete_webhook::FUNCTION)
}
