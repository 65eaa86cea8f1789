use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use futures_util::stream;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use vendor_http::{AccessToken, Call, Credits, Deadline, Error, Origin, Settings, header};

use crate::server::{Answering as _, Plain, Server, client, quick, seconds, with_header};

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_own_limit_on_calls_at_once_is_found_and_kept() {
    const ALLOWED: usize = 3;
    const CALLS: usize = 800;
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    let server = Server::watching(move |_, at_once| {
        let count = Arc::clone(&count);
        async move {
            if at_once > ALLOWED {
                count.fetch_add(1, Ordering::SeqCst);
                return 429.answer("");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
            200.answer("{}")
        }
    })
    .await;
    let client = client(Settings {
        max_concurrency: 12,
        ..quick()
    });
    let mut refusals_halfway = 0;
    for half in 0..2 {
        let mut calls = JoinSet::new();
        for _ in 0..CALLS / 2 {
            let (client, call) = (client.clone(), server.call());
            calls.spawn(async move { client.send(&call, &Plain, seconds(30)).await });
        }
        while let Some(answer) = calls.join_next().await {
            assert_eq!(answer.unwrap().unwrap().status, 200);
        }
        if half == 0 {
            refusals_halfway = refused.load(Ordering::SeqCst);
        }
    }
    let (all, settled) = (
        refused.load(Ordering::SeqCst),
        refused.load(Ordering::SeqCst) - refusals_halfway,
    );
    assert!(all > 0, "the limit was never met");
    assert!(
        settled * 10 <= CALLS / 2,
        "{settled} refusals for {} calls after settling",
        CALLS / 2
    );
    assert!(server.most_at_once.load(Ordering::SeqCst) <= 12);
    assert!(client.limiter().limit() <= ALLOWED as u32 + 1);
    assert_eq!(client.usage().retries, all as u64);
    assert_eq!(client.usage().requests, (CALLS + all) as u64);
}

#[tokio::test]
async fn a_failing_call_is_sent_again_until_it_succeeds_or_retries_are_used_up() {
    for (failures, attempts, hits, succeeds) in [(3, 6, 4, true), (5, 6, 6, true), (6, 6, 6, false)]
    {
        let server = Server::answering(move |nth| async move {
            if nth <= failures { 500 } else { 200 }.answer("{}")
        })
        .await;
        let client = client(Settings {
            attempts,
            ..quick()
        });
        let outcome = client.send(&server.call(), &Plain, seconds(30)).await;
        assert_eq!(outcome.is_ok(), succeeds, "{failures}: {outcome:?}");
        assert_eq!(server.hits(), hits);
        assert_eq!(client.usage().retries as usize, hits - 1);
        if let Err(error) = outcome {
            assert!(
                matches!(&error, Error::Failing { attempts: 6, last, .. } if last == "HTTP 500"),
                "{error}"
            );
            assert!(error.is_transient());
        }
    }
}

#[tokio::test]
async fn the_vendors_retry_after_is_waited_for() {
    let server = Server::answering(|nth| async move {
        match nth {
            1 => with_header(503.answer(""), "retry-after", "1"),
            _ => 200.answer("{}"),
        }
    })
    .await;
    let started = Instant::now();
    let answer = client(quick())
        .send(&server.call(), &Plain, seconds(30))
        .await;
    assert_eq!(answer.unwrap().status, 200);
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_wait_that_would_end_after_the_deadline_is_not_begun() {
    let server =
        Server::answering(|_| async { with_header(503.answer(""), "retry-after", "3") }).await;
    let started = Instant::now();
    let error = client(quick())
        .send(&server.call(), &Plain, seconds(2))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Deadline { attempts: 1, last: Some(last), .. } if last == "HTTP 503"),
        "{error:?}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "it waited for nothing"
    );
}

#[tokio::test]
async fn the_deadline_ends_retries_stalls_and_the_wait_for_a_free_slot() {
    let life = Duration::from_millis(400);
    let patient = Settings {
        attempts: u32::MAX,
        max_concurrency: 1,
        ..quick()
    };
    let failing = Server::answering(|_| async { 500.answer("") }).await;
    let crowded = Server::answering(|_| async { 429.answer("") }).await;
    let stalled = Server::answering(|_| async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        200.answer("{}")
    })
    .await;
    for (case, server, least_hits) in [
        ("500", &failing, 4),
        ("429", &crowded, 4),
        ("stall", &stalled, 1),
    ] {
        let client = client(patient.clone());
        let started = Instant::now();
        let (call, deadline) = (server.call(), Deadline::after(life));
        let (first, second) = tokio::join!(
            client.send(&call, &Plain, deadline),
            client.send(&call, &Plain, deadline)
        );
        for error in [first.unwrap_err(), second.unwrap_err()] {
            assert!(matches!(error, Error::Deadline { .. }), "{case}: {error:?}");
        }
        assert!(
            started.elapsed() < life * 2,
            "{case}: {:?}",
            started.elapsed()
        );
        assert!(server.hits() >= least_hits, "{case}: {}", server.hits());
    }
}

#[tokio::test]
async fn an_answer_that_stalls_is_asked_for_again_after_the_attempts_own_timeout() {
    let server = Server::answering(|nth| async move {
        if nth == 1 {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        200.answer("{}")
    })
    .await;
    let call = server.call().timeout(Duration::from_millis(150));
    let answer = client(quick()).send(&call, &Plain, seconds(30)).await;
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_caller_that_gives_up_frees_its_slot() {
    let server = Server::answering(|nth| async move {
        if nth == 1 {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        200.answer("{}")
    })
    .await;
    let client = client(Settings {
        max_concurrency: 1,
        ..quick()
    });
    let call = server.call();
    let abandoned = client.send(&call, &Plain, seconds(30));
    tokio::time::timeout(Duration::from_millis(100), abandoned)
        .await
        .unwrap_err();
    let answer = client.send(&call, &Plain, seconds(5)).await;
    assert_eq!(answer.unwrap().status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_an_error_whether_or_not_its_length_is_announced() {
    let announced = Server::answering(|_| async { Bytes::from(vec![b'a'; 1024 * 1024 + 1]) }).await;
    let endless = Server::answering(|_| async {
        let piece = Ok::<_, Infallible>(Bytes::from_static(&[b'a'; 4096]));
        Body::from_stream(stream::repeat(piece))
    })
    .await;
    let fitting = Server::answering(|_| async { Bytes::from(vec![b'a'; 1024 * 1024]) }).await;
    for server in [announced, endless] {
        let error = client(quick())
            .send(&server.call(), &Plain, seconds(30))
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                Error::TooLarge {
                    limit: 1_048_576,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(!error.is_transient());
        assert_eq!(server.hits(), 1, "asking again would not make it smaller");
    }
    let answer = client(quick())
        .send(&fitting.call(), &Plain, seconds(30))
        .await;
    assert_eq!(answer.unwrap().body.len(), 1024 * 1024);
}

#[tokio::test]
async fn a_length_that_is_a_lie_is_a_failure_of_the_moment() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin: Origin = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let server = tokio::spawn(async move {
        let cut: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"data\":[";
        let whole: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        for answer in [cut, b"", whole] {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await.unwrap();
            socket.write_all(answer).await.unwrap();
        }
    });
    let client = client(quick());
    let answer = client
        .send(&Call::get(origin.at("/rows")), &Plain, seconds(30))
        .await
        .unwrap();
    assert_eq!(answer.body, "{}");
    assert_eq!(
        client.usage().retries,
        2,
        "one cut body, one closed connection"
    );
    server.await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = Server::answering(|_| async { 200.answer("{}") }).await;
    let target = elsewhere.origin.at("/rows").to_string();
    let server = Server::answering(move |_| {
        let target = target.clone();
        async move { with_header(302.answer(""), "location", &target) }
    })
    .await;
    let answer = client(quick())
        .send(&server.call(), &Plain, seconds(5))
        .await;
    assert_eq!(answer.unwrap().status, 302);
    assert_eq!((server.hits(), elsewhere.hits()), (1, 0));
}

#[tokio::test]
async fn a_call_that_must_not_be_repeated_is_sent_once_unless_it_was_turned_away() {
    let failing = Server::answering(|_| async { 503.answer("") }).await;
    let stalled = Server::answering(|_| async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        200.answer("{}")
    })
    .await;
    for server in [&failing, &stalled] {
        let call = server.call().timeout(Duration::from_millis(150)).once();
        let error = client(quick())
            .send(&call, &Plain, seconds(30))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Failing { attempts: 1, .. }),
            "{error:?}"
        );
        assert_eq!(server.hits(), 1);
    }
    // A refusal for crowding means that it was not carried out.
    let crowded =
        Server::answering(|nth| async move { if nth == 1 { 429 } else { 200 }.answer("{}") }).await;
    let answer = client(quick())
        .send(&crowded.call().once(), &Plain, seconds(30))
        .await;
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(crowded.hits(), 2);
}

#[tokio::test]
async fn a_write_that_failed_says_whether_it_may_have_happened() {
    let failing = Server::answering(|_| async { 503.answer("") }).await;
    let stalled = Server::answering(|_| async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        200.answer("{}")
    })
    .await;
    let spent = Server::answering(|_| async { 402.answer("") }).await;
    let busy =
        Server::answering(|_| async { with_header(429.answer(""), "retry-after", "1") }).await;
    let nobody = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let nobody: Origin = nobody.parse().unwrap();
    for (case, origin, happened) in [
        ("HTTP 503", &failing.origin, true),
        ("no answer", &stalled.origin, true),
        ("spent", &spent.origin, false),
        ("always too many", &busy.origin, false),
        ("nobody there", &nobody, false),
    ] {
        let call = Call::post_json(origin.at("/tickets"), "{}").once();
        let call = call.timeout(Duration::from_millis(200));
        let outcome = client(quick())
            .send(&call, &Plain, Deadline::after(Duration::from_secs(2)))
            .await;
        let error = outcome.unwrap_err();
        assert_eq!(error.may_have_happened(), happened, "{case}: {error:?}");
    }
    assert_eq!((failing.hits(), stalled.hits()), (1, 1));
    assert!(busy.hits() > 1, "what was turned away is sent again");
}

#[tokio::test]
async fn what_never_left_is_sent_again() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin: Origin = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(listener);
    let client = client(Settings {
        attempts: 4,
        ..quick()
    });
    let call = Call::post_json(origin.at("/tickets"), "{}").once();
    let error = client.send(&call, &Plain, seconds(5)).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Failing {
                attempts: 4,
                may_have_happened: false,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn writes_carry_their_json() {
    type Heard = Arc<std::sync::Mutex<Vec<(String, String, Bytes)>>>;
    let heard = Heard::default();
    let hear = Arc::clone(&heard);
    let router = axum::Router::new().fallback(
        move |method: axum::http::Method, headers: axum::http::HeaderMap, body: Bytes| async move {
            let kind = headers
                .get("content-type")
                .map_or("", |kind| kind.to_str().unwrap());
            hear.lock()
                .unwrap()
                .push((method.to_string(), kind.to_owned(), body));
            "{}"
        },
    );
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin: Origin = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    let url = || origin.at("/tickets");
    let client = client(quick());
    for call in [
        Call::post_json(url(), r#"{"a":1}"#),
        Call::patch_json(url(), r#"{"b":2}"#),
        Call::delete(url()),
    ] {
        client.send(&call, &Plain, seconds(5)).await.unwrap();
    }
    let heard = heard.lock().unwrap();
    let heard: Vec<_> = heard
        .iter()
        .map(|(method, kind, body)| (method.as_str(), kind.as_str(), &body[..]))
        .collect();
    assert_eq!(
        heard,
        [
            ("POST", "application/json", &br#"{"a":1}"#[..]),
            ("PATCH", "application/json", br#"{"b":2}"#),
            ("DELETE", "", b""),
        ]
    );
}

#[tokio::test]
async fn spent_credits_end_the_call_at_once_with_the_time_of_their_return() {
    let server =
        Server::answering(|_| async { with_header(402.answer(""), "retry-after", "3600") }).await;
    let error = client(quick())
        .send(&server.call(), &Plain, seconds(5))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Exhausted { resume_after: Some(after) } if after == Duration::from_hours(1)),
        "{error:?}"
    );
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn the_reserve_of_the_pool_stays_untouched() {
    let server = Server::answering(|nth| async move {
        with_header(200.answer("{}"), "x-left", &(100 - nth).to_string())
    })
    .await;
    let client = client(Settings {
        credit_reserve_percent: 30,
        ..quick()
    });
    client.budget().learn_pool(100);
    let mut sent = 0;
    let error = loop {
        match client.send(&server.call(), &Plain, seconds(5)).await {
            Ok(_) => sent += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(
            error,
            Error::Reserved {
                remaining: 30,
                reserve: 30,
                resume_after: None
            }
        ),
        "{error:?}"
    );
    assert_eq!((sent, server.hits()), (70, 70));
    assert_eq!(client.usage().credits, 70);
    client.budget().forget();
    assert!(
        client
            .send(&server.call(), &Plain, seconds(5))
            .await
            .is_ok(),
        "a new invocation asks again"
    );
}

#[tokio::test]
async fn credits_that_another_process_found_spent_or_reserved_cost_no_request() {
    let server = Server::answering(|_| async { 200.answer("{}") }).await;
    let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
    let midnight: Timestamp = "2026-06-02T00:00:00Z".parse().unwrap();
    let low = Credits {
        remaining: 10,
        pool: 100,
        seen_at: now,
        exhausted_until: None,
    };
    let spent = Credits {
        exhausted_until: Some(midnight),
        ..low
    };
    for seen in [low, spent] {
        let client = client(Settings {
            credit_reserve_percent: 10,
            ..quick()
        });
        client.budget().adopt(&seen, Some(midnight), now);
        let error = client
            .send(&server.call(), &Plain, seconds(5))
            .await
            .unwrap_err();
        let resume_after = match (&error, seen.exhausted_until) {
            (Error::Exhausted { resume_after }, Some(_))
            | (Error::Reserved { resume_after, .. }, None) => resume_after.unwrap(),
            _ => panic!("{error}"),
        };
        assert!(resume_after > Duration::from_mins(12 * 60 - 1), "{error}");
        assert_eq!(server.hits(), 0);
    }
}

#[tokio::test]
async fn once_the_credits_are_spent_no_call_of_the_process_asks_again() {
    let server =
        Server::answering(|_| async { with_header(402.answer(""), "retry-after", "60") }).await;
    let client = client(quick());
    for _ in 0..3 {
        let outcome = client.send(&server.call(), &Plain, seconds(5)).await;
        assert!(matches!(outcome, Err(Error::Exhausted { .. })));
    }
    assert_eq!(server.hits(), 1);
    client.budget().forget();
    let _ = client.send(&server.call(), &Plain, seconds(5)).await;
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn no_error_and_no_debug_output_shows_a_query_a_token_a_form_or_a_body() {
    let failing = Server::answering(|_| async { 500.answer("planted") }).await;
    let large = Server::answering(|_| async { Bytes::from(vec![b'p'; 2 * 1024 * 1024]) }).await;
    let good =
        Server::answering(|_| async { with_header(200.answer("planted"), "x-any", "planted") })
            .await;
    let closed = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
            .parse::<Origin>()
            .unwrap()
    };
    let client = client(Settings {
        attempts: 2,
        ..quick()
    });
    let mut shown = Vec::new();
    for origin in [&failing.origin, &large.origin, &good.origin, &closed] {
        let mut url = origin.at("/rows");
        url.set_query(Some("email=planted"));
        let token = AccessToken::new("planted").header("Bearer").unwrap();
        let get = Call::get(url.clone()).header(header::AUTHORIZATION, token);
        let post = Call::post_form(url, [("code", "planted".into())]);
        for call in [get, post] {
            shown.push(format!("{call:?}"));
            for deadline in [seconds(5), Deadline::after(Duration::ZERO)] {
                match client.send(&call, &Plain, deadline).await {
                    Ok(answer) => shown.push(format!("{answer:?}")),
                    Err(error) => shown.push(format!("{error} {error:?}")),
                }
            }
        }
    }
    shown.push(format!("{client:?}"));
    assert_eq!(shown.len(), 4 * 2 * 3 + 1);
    for text in shown {
        assert!(!text.contains("planted"), "{text}");
    }
}
