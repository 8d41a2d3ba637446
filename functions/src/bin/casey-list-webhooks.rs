//! `GET /casey/v1/backend/webhooks`: lists the endpoints, oldest first.

fn main() -> std::process::ExitCode {
    functions::run(functions::casey::list_webhooks::FUNCTION)
}
