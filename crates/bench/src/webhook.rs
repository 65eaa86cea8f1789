use std::path::Path;
use std::time::Duration;

use clock::{Clock as _, SystemClock};
use serde::Serialize;
use serde_json::{Map, Value, json};
use simulators::SigningKey;
use simulators::salesiq::{Chat, Format, Signer, Visitor};

use crate::figures::{Goal, Spread};
use crate::process::{Place, Started};
use crate::throttle::{Pauses, Throttle};
use crate::world::World;
use crate::{Failure, Report};

/// Megabytes, of which Lambda makes a share of a processor.
const MEMORIES: [u32; 3] = [128, 256, 1_769];
/// The stand-in of DynamoDB slows down with what it holds.
const CHATS: usize = 60;
/// A machine that others use too is slow now and then: the median of several rounds is the function's.
const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_MS: f64 = 50.0;
const TABLE: &str = "state";

/// Calls of a bot, as SalesIQ makes them: the stand-ins answer at once, so what is measured is the
/// function's own time.
pub(crate) async fn calls(function: &Path, report: &mut Report) -> Result<(), Failure> {
    let key = SigningKey::generate()?;
    let keys = json!({"public_keys": [key.public_pem()?]}).to_string();
    let signer = Signer::Rsa(key);
    let mut figures = Map::new();
    println!(
        "\nsalesiq-webhook, {ROUNDS} rounds of {CHATS} chats of two messages, medians of the rounds, ms"
    );
    for memory in MEMORIES {
        let mut rounds = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let Some(round) = round(function, &signer, &keys, memory).await? else {
                println!("  {memory} MB: not measured; needs cgroups of version 1, and root");
                break;
            };
            rounds.push(round);
        }
        if rounds.len() < ROUNDS {
            continue;
        }
        let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
        let (p50, p99) = (of(|round| round.p50_ms), of(|round| round.p99_ms));
        let worst = rounds.iter().map(|round| round.p99_ms).fold(0.0, f64::max);
        println!(
            "  {memory} MB: half of the calls within {p50:.1}, 99 of 100 within {p99:.1} (worst round {worst:.1}); first call {:.1}; {:.2} of processor time each",
            of(|round| round.first_ms),
            of(|round| round.cpu_ms)
        );
        figures.insert(format!("{memory}_mb"), json!(rounds));
        if memory == MEMORIES[0] {
            report.goals.push(Goal::at_most(
                "call of a bot at 128 MB, 99 of 100, ms",
                p99,
                MOST_MS,
            ));
        }
    }
    let world = world(&keys).await?;
    let mut starts = Vec::new();
    for _ in 0..10 {
        starts.push(Started::new(function, &place(&world)?).await?.start_up_ms);
    }
    let starts = Spread::of(starts);
    println!("  process to first Runtime API call, unthrottled: {starts}");
    figures.insert("start_ms".to_owned(), json!(starts));
    report.put("webhook", figures.into());
    Ok(())
}

/// What a fresh process did with the calls of one round.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "figures are named with their unit"
)]
struct Round {
    first_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    cpu_ms: f64,
}

/// `None` where this machine cannot give a process a share of a processor.
async fn round(
    function: &Path,
    signer: &Signer,
    keys: &str,
    memory: u32,
) -> Result<Option<Round>, Failure> {
    let world = world(keys).await?;
    let started = Started::new(function, &place(&world)?).await?;
    let Some(_throttle) = Throttle::of(started.process_id()?, memory)? else {
        return Ok(None);
    };
    let first_ms = call(&started, signer, "warm", "hello").await?;
    let before = started.cpu()?;
    let mut times = Vec::with_capacity(2 * CHATS);
    let mut pauses = Pauses::default();
    for nth in 0..CHATS {
        let chat = format!("{memory}-{nth}");
        for text in ["I forgot my password", "ann@company.example"] {
            pauses.pause().await;
            times.push(call(&started, signer, &chat, text).await?);
        }
    }
    let cpu = started.cpu()?.saturating_sub(before);
    times.sort_by(f64::total_cmp);
    Ok(Some(Round {
        first_ms,
        p50_ms: times[times.len() / 2],
        p99_ms: times[times.len() * 99 / 100],
        max_ms: times.last().copied().unwrap_or_default(),
        cpu_ms: cpu.as_secs_f64() * 1_000.0 / times.len() as f64,
    }))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn world(keys: &str) -> Result<World, Failure> {
    let world = World::with_tickets(100, Duration::ZERO, None).await?;
    world.aws.create_table(TABLE);
    world.aws.put_secret("salesiq_webhook", keys);
    Ok(world)
}

fn place(world: &World) -> Result<Place, Failure> {
    let department = world
        .zoho
        .ids("departments", 1)
        .into_iter()
        .next()
        .ok_or("the account has no department")?;
    let settings = json!({
        "department_id": department,
        "from_email": "support@example.com",
        "support_email": "team@example.com",
        "public_url": "https://support.example.com",
    });
    let queue = |name: &str| format!("{}/000000000000/{name}", world.aws.origin());
    Ok(Place::of(world, 1)
        .with("STATE_TABLE", TABLE)
        .with("TICKETING_CONFIG_JSON", settings.to_string())
        .with("TICKET_JOBS_QUEUE_URL", queue("jobs"))
        .with("NOTIFICATIONS_QUEUE_URL", queue("mails")))
}

/// Milliseconds until the answer, which must be one that a bot understands.
async fn call(started: &Started, signer: &Signer, id: &str, text: &str) -> Result<f64, Failure> {
    let visitor = Visitor::named("v1", "Ann", "ann@company.example");
    let now = SystemClock.now();
    let mut chat = Chat::new(id, visitor);
    let mut payload = chat.says(Format::Zobot, text, now);
    // Each call has an id of its own.
    payload["request"]["id"] = json!(format!("{id}-{}", text.len()));
    let body = payload.to_string();
    let mut headers = Map::from_iter([("content-type".to_owned(), json!("application/json"))]);
    for (name, value) in signer.headers(id, now, body.as_bytes())? {
        headers.insert(name.to_owned(), value.into());
    }
    let event = event(&headers, &body);
    let (answer, elapsed) = started.invoke(&event, PATIENCE).await?;
    let said: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default())?;
    let sorry = said["replies"][0]
        .as_str()
        .is_none_or(|reply| reply.contains("something went wrong"));
    if answer["statusCode"] != 200 || sorry {
        return Err(format!("the function answered {answer}").into());
    }
    Ok(elapsed.as_secs_f64() * 1_000.0)
}

/// What API Gateway makes of a request, payload version 2.0.
fn event(headers: &Map<String, Value>, body: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "POST /webhook/salesiq",
        "rawPath": "/webhook/salesiq",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000", "apiId": "a1", "domainName": "example.com", "domainPrefix": "a1",
            "http": {"method": "POST", "path": "/webhook/salesiq", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "SalesIQ"},
            "requestId": "r1", "routeKey": "POST /webhook/salesiq", "stage": "$default",
            "time": "21/Nov/2026:10:00:00 +0000", "timeEpoch": 1_795_255_200_000_i64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}
