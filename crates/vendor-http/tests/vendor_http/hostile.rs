//! Answers that mean harm, or come from a broken machine.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use vendor_http::{Call, Error, Origin, Settings};

use crate::server::{Answering as _, Plain, Server, client, quick, seconds, with_header};

const HUGE: u64 = 2 * 1024 * 1024 * 1024;

/// Answers every connection's first request by hand.
async fn by_hand<F>(answer: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Call
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            tokio::spawn(answer(socket));
        }
    });
    Call::get(origin.parse::<Origin>().unwrap().at("/rows"))
}

/// Answers with the same bytes each time.
async fn saying(answer: impl Into<Vec<u8>>) -> Call {
    let answer: Arc<[u8]> = answer.into().into();
    by_hand(move |mut socket| {
        let answer = Arc::clone(&answer);
        async move {
            // The client hangs up in the middle of what is too long.
            let _ = socket.write_all(&answer).await;
        }
    })
    .await
}

async fn error_of(settings: Settings, call: &Call) -> Error {
    let outcome = client(settings).send(call, &Plain, seconds(30)).await;
    outcome.unwrap_err()
}

fn twice() -> Settings {
    Settings {
        attempts: 2,
        ..quick()
    }
}

fn assert_failing(error: &Error, says: &str) {
    assert!(
        matches!(error, Error::Failing { attempts: 2, last, .. } if last.contains(says)),
        "{error}"
    );
}

#[tokio::test]
async fn two_gigabytes_are_refused_before_they_are_read() {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let chunked = Server::answering(move |_| {
        let sent = Arc::clone(&counted);
        async move {
            let piece = Bytes::from(vec![b'a'; 64 * 1024]);
            let pieces = stream::iter(0..HUGE / piece.len() as u64).map(move |_| {
                sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
                Ok::<_, Infallible>(piece.clone())
            });
            Body::from_stream(pieces)
        }
    })
    .await;
    let announced = saying(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {HUGE}\r\n\r\n{{"
    ))
    .await;
    for call in [chunked.call(), announced] {
        let error = error_of(quick(), &call).await;
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        assert!(!error.is_transient());
    }
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent < HUGE / 32, "{sent} bytes were taken from the wire");
}

#[tokio::test]
async fn a_body_that_trickles_ends_with_the_attempt() {
    let call = by_hand(|mut socket| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
        let _ = socket.write_all(head).await;
        while socket.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let impatient = Settings {
        attempt_timeout: Duration::from_millis(200),
        ..twice()
    };
    let began = Instant::now();
    let error = error_of(impatient, &call).await;
    assert_failing(&error, "no complete answer within 200 ms");
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn headers_without_end_are_cut_off() {
    let many = "x-many: y\r\n".repeat(200_000);
    let long = format!("x-long: {}\r\n", "y".repeat(8 * 1024 * 1024));
    for headers in [many, long] {
        let call = saying(format!("HTTP/1.1 200 OK\r\n{headers}\r\n{{}}")).await;
        let error = error_of(twice(), &call).await;
        assert!(
            matches!(error, Error::Failing { attempts: 2, .. }),
            "{error}"
        );
        assert!(error.to_string().len() < 400, "{error}");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_an_error_and_no_garbage() {
    for encoding in ["gzip", "br", "identity, gzip"] {
        let server = Server::answering(move |_| async move {
            with_header(200.answer("{\"data\":[]}"), "content-encoding", encoding)
        })
        .await;
        let error = error_of(twice(), &server.call()).await;
        assert_failing(&error, &format!("compressed as `{encoding}`"));
    }
    let plain = Server::answering(|_| async {
        with_header(200.answer("{}"), "content-encoding", "identity")
    })
    .await;
    let answer = client(quick())
        .send(&plain.call(), &Plain, seconds(5))
        .await;
    assert_eq!(answer.unwrap().body, "{}");
}

#[tokio::test]
async fn a_length_beyond_belief_with_a_tiny_body_is_an_error() {
    for (length, too_large) in [
        ("1000000", false),
        ("9223372036854775807", true),
        ("99999999999999999999999999", false),
        ("-1", false),
        ("2, 3", false),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{{}}");
        let error = error_of(twice(), &saying(answer).await).await;
        let fits = match &error {
            Error::TooLarge { .. } => too_large,
            Error::Failing { attempts: 2, .. } => !too_large,
            _ => false,
        };
        assert!(fits, "{length}: {error}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_an_error() {
    for answer in [
        &b"SSH-2.0-OpenSSH_9.6\r\n"[..],
        &vec![0; 100_000],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n",
    ] {
        let error = error_of(twice(), &saying(answer).await).await;
        assert!(
            matches!(error, Error::Failing { attempts: 2, .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn gzip_that_was_asked_for_is_handed_on_packed() {
    let server = Server::answering(|_| async {
        with_header(200.answer("packed"), "content-encoding", "gzip")
    })
    .await;
    let call = server.call().accepting_gzip();
    let answer = client(quick()).send(&call, &Plain, seconds(5)).await;
    assert_eq!(answer.unwrap().body, "packed", "as it was sent");
    for encoding in ["br", "gzip, gzip"] {
        let server = Server::answering(move |_| async move {
            with_header(200.answer("{}"), "content-encoding", encoding)
        })
        .await;
        let error = error_of(twice(), &server.call().accepting_gzip()).await;
        assert_failing(&error, "compressed as");
    }
}
