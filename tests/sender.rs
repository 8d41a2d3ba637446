//! The sender's guards, tested by a test call, whose answer shows the outcome of a request at once.

use std::time::{Duration, Instant};

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::receiver::{Receiver, Step};
use crate::stack::{AGENT, Api};

/// Sets the agent's webhook to `url`, makes a test call, and returns its answer.
async fn test_call(api: &Api, url: &str, timeout: u16) -> Result<Value> {
    let path = format!("/agentphone/v1/agents/{AGENT}/webhook");
    assert_eq!(api.post(&path, &json!({ "url": url, "timeout": timeout })).await?.status, 200);
    let answer = api.send(Method::POST, &format!("{path}/test"), "").await?;
    assert_eq!(answer.status, 200);
    Ok(answer.body)
}

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_unless_allowed() -> Result<()> {
    let (api, receiver) = (Api::with(&[("ALLOWED_NETWORKS", "")]).await?, Receiver::start(&[]).await?);
    let port = receiver.url("/").trim_start_matches("http://127.0.0.1:").trim_end_matches('/').to_owned();
    for (host, refused) in [
        ("127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("169.254.169.254", "169.254.169.254"),
        ("10.0.0.1", "10.0.0.1"),
    ] {
        let answer = test_call(&api, &format!("http://{host}:{port}/"), 5).await?;
        let error = format!("The address {refused} is not allowed.");
        assert_eq!(answer, json!({ "success": false, "httpStatus": null, "errorMessage": error }), "{host}");
    }
    let answer = test_call(&api, &format!("http://localhost:{port}/"), 5).await?;
    assert!(answer["errorMessage"].as_str().unwrap().ends_with("is not allowed."), "looked-up names too: {answer}");
    assert_eq!(receiver.received().len(), 0);
    let allowed = Api::start().await?;
    assert_eq!(test_call(&allowed, &format!("http://localhost:{port}/"), 5).await?["success"], true);
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_not_followed() -> Result<()> {
    let (api, inside) = (Api::start().await?, Receiver::start(&[]).await?);
    let to_inside = Step::Full(302, vec![("location", inside.url("/secret"))], String::new());
    let receiver = Receiver::start(&[to_inside]).await?;
    let answer = test_call(&api, &receiver.url("/"), 5).await?;
    assert_eq!(answer, json!({ "success": false, "httpStatus": 302, "errorMessage": "The endpoint answered 302." }));
    assert_eq!(inside.received().len(), 0);
    Ok(())
}

#[tokio::test]
async fn failures_to_connect_are_explained_in_words() -> Result<()> {
    let api = Api::start().await?;
    let free = TcpListener::bind("127.0.0.1:0").await?;
    let closed = format!("http://{}/", free.local_addr()?);
    drop(free);
    let answer = test_call(&api, &closed, 5).await?;
    let error = answer["errorMessage"].as_str().unwrap();
    assert!(error.starts_with("The connection could not be made: Connection refused"), "{error}");
    let answer = test_call(&api, "http://no-such-host.invalid/", 5).await?;
    assert_eq!(answer["errorMessage"], "The host name could not be resolved.");
    let receiver = Receiver::start(&[Step::Hang]).await?;
    let answer = test_call(&api, &receiver.url("/"), 5).await?;
    assert_eq!(answer, json!({ "success": false, "httpStatus": null, "errorMessage": "No answer within 5 seconds." }));
    Ok(())
}

/// Accepts one connection, reads a request's start, and writes `answer`. Then it writes `then_forever` for as long as
/// the caller reads.
async fn raw_endpoint(answer: &'static [u8], then_forever: &'static [u8]) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        // The request's first bytes are enough to answer it.
        stream.read_exact(&mut [0; 16]).await?;
        stream.write_all(answer).await?;
        while !then_forever.is_empty() {
            stream.write_all(then_forever).await?;
        }
        anyhow::Ok(())
    });
    Ok(url)
}

#[tokio::test]
async fn invalid_and_endless_answers_are_cut_off() -> Result<()> {
    let api = Api::start().await?;
    let endless = raw_endpoint(b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 8192]).await?;
    assert_eq!(test_call(&api, &endless, 5).await?["success"], true, "the status decides");
    let headers = raw_endpoint(b"HTTP/1.1 200 OK\r\n", b"x-endless: header\r\n").await?;
    let nonsense = raw_endpoint(b"NOT HTTP AT ALL\r\n\r\n", b"").await?;
    let half = raw_endpoint(b"HTTP/1.1 200 OK\r\ncontent-le", b"").await?;
    for url in [headers, nonsense, half] {
        let answer = test_call(&api, &url, 5).await?;
        assert_eq!((&answer["success"], &answer["httpStatus"]), (&json!(false), &Value::Null));
        assert!(answer["errorMessage"].as_str().unwrap().starts_with("The connection broke"), "{answer}");
    }
    Ok(())
}

/// Accepts one connection, reads a request's start, and writes `pieces` with a `pause` before each. Then it resets the
/// connection, or holds it open.
async fn slow_endpoint(pieces: Vec<&'static [u8]>, pause: Duration, resets: bool) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.read_exact(&mut [0; 16]).await?;
        for piece in pieces {
            tokio::time::sleep(pause).await;
            stream.write_all(piece).await?;
        }
        if resets {
            stream.set_zero_linger()?;
        } else {
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
        anyhow::Ok(())
    });
    Ok(url)
}

#[tokio::test]
async fn an_answer_that_drips_is_waited_for_no_longer_than_its_limit() -> Result<()> {
    let (api, pause) = (Api::start().await?, Duration::from_millis(300));
    let start = Instant::now();
    let mut body: Vec<&'static [u8]> = vec![b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"];
    body.extend([&b"x"[..]; 600]);
    let answer = test_call(&api, &slow_endpoint(body, pause, false).await?, 30).await?;
    assert_eq!(answer["success"], true, "the status decides");
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    let start = Instant::now();
    let mut headers: Vec<&'static [u8]> = vec![b"HTTP/1.1 200 OK\r\nx-drip: "];
    headers.extend([&b"x"[..]; 600]);
    let answer = test_call(&api, &slow_endpoint(headers, pause, false).await?, 5).await?;
    assert_eq!(answer["errorMessage"], "No answer within 5 seconds.");
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    Ok(())
}

#[tokio::test]
async fn strange_answers_count_by_their_status() -> Result<()> {
    let (api, none) = (Api::start().await?, Duration::ZERO);
    let not_utf8: &[u8] = b"HTTP/1.1 200 OK\r\nx-own: \xff\xfe\r\nretry-after: \xff\r\ncontent-length: 0\r\n\r\n";
    let answer = test_call(&api, &slow_endpoint(vec![not_utf8], none, false).await?, 5).await?;
    assert_eq!((&answer["success"], &answer["httpStatus"]), (&json!(true), &json!(200)));
    let cut: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let answer = test_call(&api, &slow_endpoint(vec![cut], none, true).await?, 5).await?;
    assert_eq!(answer["success"], true, "a body that breaks off changes nothing");
    let answer = test_call(&api, &slow_endpoint(vec![], none, true).await?, 5).await?;
    assert!(answer["errorMessage"].as_str().unwrap().starts_with("The connection broke"), "{answer}");
    let plain = Receiver::start(&[]).await?.url("/").replace("http://", "https://");
    let answer = test_call(&api, &plain, 5).await?;
    assert!(answer["errorMessage"].as_str().unwrap().starts_with("The connection could not be made"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_compressed_answer_is_not_decompressed() -> Result<()> {
    let (api, bomb) = (Api::start().await?, "\u{1f}x".repeat(40_000));
    let headers = vec![("content-encoding", "gzip".to_owned()), ("content-type", "text/plain".to_owned())];
    let receiver = Receiver::start(&[Step::Full(200, headers, bomb)]).await?;
    api.set_webhook(AGENT, &receiver.url("/")).await?;
    api.publish(&json!({ "type": "a", "agent_id": AGENT, "data": {} })).await?;
    let logged = api.delivery_with_status(AGENT, "success").await?;
    assert_eq!(logged["responseBody"].as_str().unwrap().len(), 1024, "its first KiB is kept as it came");
    Ok(())
}
