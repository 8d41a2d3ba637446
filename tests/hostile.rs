//! Hostile endpoints, called by functions in a process of their own. The tests check which certificates the functions
//! trust, and how much memory and time an answer takes.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::process::Process;
use crate::promises::{is_long, print_row};
use crate::stack::{AGENT, Client};

const WEBHOOK: &str = "/agentphone/v1/agents/agt_abc123/webhook";

async fn test_call(client: &Client) -> Result<Value> {
    let answer = client.send(Method::POST, &format!("{WEBHOOK}/test"), "").await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(answer.body)
}

/// Starts an endpoint that answers 200 under TLS, with a certificate for `localhost` alone. Returns its port, and the
/// authority's certificate.
async fn tls_endpoint() -> Result<(u16, String)> {
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate()?;
    let certificate = authority.self_signed(&key)?.pem();
    let authority = rcgen::Issuer::new(authority, key);
    let key = rcgen::KeyPair::generate()?;
    let own = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![own.der().clone()], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            stream.read_exact(&mut [0; 16]).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
            stream.shutdown().await?;
        }
        anyhow::Ok(())
    });
    Ok((port, certificate))
}

#[tokio::test]
async fn a_certificate_is_valid_for_its_name_alone_and_from_a_known_authority_alone() -> Result<()> {
    let (port, authority) = tls_endpoint().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("authorities.pem");
    std::fs::write(&file, authority)?;
    let file = file.to_str().context("UTF-8")?;
    let trusting = Process::spawn("0", &["--in-memory"], &[("SSL_CERT_FILE", file)]).await?;
    let others = Process::spawn("0", &["--in-memory"], &[]).await?;
    for (process, host, error) in [
        (&trusting, "localhost", None),
        (&trusting, "127.0.0.1", Some("certificate not valid for name \"127.0.0.1\"")),
        (&others, "localhost", Some("invalid peer certificate: UnknownIssuer")),
    ] {
        process.client.set_webhook(AGENT, &format!("https://{host}:{port}/")).await?;
        let answer = test_call(&process.client).await?;
        assert_eq!(answer["success"], error.is_none(), "{host}: {answer}");
        let message = answer["errorMessage"].as_str().unwrap_or_default();
        assert!(message.contains(error.unwrap_or_default()), "{host}: {message}");
    }
    trusting.kill().await?;
    others.kill().await
}

/// The bytes that an endpoint writes: `start` once, and `then` again and again for as long as the caller reads.
#[derive(Clone)]
struct Flood {
    start: Vec<u8>,
    then: Vec<u8>,
    pause: Duration,
}

async fn pour(stream: &mut (impl AsyncWrite + Unpin), flood: &Flood) -> Result<()> {
    stream.write_all(&flood.start).await?;
    while !flood.then.is_empty() {
        stream.write_all(&flood.then).await?;
        tokio::time::sleep(flood.pause).await;
    }
    Ok(())
}

async fn flooding_endpoint(flood: Flood) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let flood = flood.clone();
            tokio::spawn(async move {
                stream.read_exact(&mut [0; 16]).await?;
                pour(&mut stream, &flood).await
            });
        }
    });
    Ok(url)
}

/// 64 MiB of zeros, compressed to 64 KiB.
fn bomb() -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        encoder.write_all(&vec![0; 1 << 20])?;
    }
    let body = encoder.finish()?;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
    Ok([head.into_bytes(), body].concat())
}

fn hostile_answers() -> Result<Vec<(&'static str, Flood)>> {
    let fast = |start: &[u8], then: &[u8]| Flood { start: start.to_vec(), then: then.to_vec(), pause: Duration::ZERO };
    let drip =
        Flood { start: b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), then: b"x".to_vec(), pause: Duration::from_millis(50) };
    Ok(vec![
        ("a body without end", fast(b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 1 << 16])),
        ("headers without end", fast(b"HTTP/1.1 200 OK\r\n", &b"x-endless: header\r\n".repeat(1000))),
        ("a header without end", fast(b"HTTP/1.1 200 OK\r\nx-endless: ", &[b'x'; 1 << 16])),
        (
            "a chunk without end",
            fast(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffff\r\n", &[b'x'; 1 << 16]),
        ),
        ("a gzip bomb", fast(&bomb()?, b"")),
        ("a drip", drip),
    ])
}

/// KiB of memory that a process holds.
fn memory_kib(process: &Process) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id().context("it runs")?))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The embedded stores run in another process, so that only the functions' memory is measured.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_answers_take_neither_memory_nor_time() -> Result<()> {
    const AT_ONCE: usize = 32;
    // The memory of the concurrent answers, however many answers there are in all. For each of them, hyper reads up to
    // 408 KiB of headers, and Switchhook up to 64 KiB of a body.
    const MEMORY_KIB_MAX: u64 = 512 * AT_ONCE as u64;
    const TIME_MAX: Duration = Duration::from_secs(8);
    let count = if is_long() { 512 } else { 64 };
    let mut most = 0;
    let stores = Process::spawn("0", &["--in-memory", "stores"], &[]).await?;
    let functions = Process::spawn("0", &[], &[("STORES_URL", stores.url.as_str())]).await?;
    let floods = hostile_answers()?;
    for (what, flood) in floods.clone() {
        let settings = json!({ "url": flooding_endpoint(flood).await?, "timeout": 5 });
        assert_eq!(functions.client.post(WEBHOOK, &settings).await?.status, 200);
        let calls = |count: usize| {
            let calls = stream::iter(0..count).map(|_| async {
                let start = Instant::now();
                test_call(&functions.client).await?;
                anyhow::Ok(start.elapsed())
            });
            calls.buffer_unordered(AT_ONCE).try_collect::<Vec<Duration>>()
        };
        calls(AT_ONCE).await?;
        let before = memory_kib(&functions)?;
        let longest = calls(count).await?.into_iter().max().context("calls")?;
        let grown = memory_kib(&functions)?.saturating_sub(before);
        ensure!(grown < MEMORY_KIB_MAX, "{what}: {grown} KiB more after {count} calls");
        ensure!(longest < TIME_MAX, "{what}: {longest:?}");
        most = most.max(grown);
    }
    let tried = format!("{} answers; {most} KiB more memory", floods.len() * count);
    print_row("lets an endpoint send an answer that never ends", &tried, None);
    functions.kill().await?;
    stores.kill().await
}
