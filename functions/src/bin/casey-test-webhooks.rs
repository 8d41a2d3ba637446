//! `POST /casey/v1/backend/webhooks/test`: sends `test.event` to every endpoint, the way that real events go.

fn main() -> std::process::ExitCode {
    functions::run(functions::casey::test_webhooks::FUNCTION)
}
