use serde_json::json;

use super::*;

const RUNTIME: &str = "2018-06-01/runtime";

struct Function {
    http: reqwest::Client,
    address: String,
}

impl Function {
    fn of(api: &RuntimeApi) -> Self {
        Self {
            http: reqwest::Client::new(),
            address: api.address(),
        }
    }

    /// Takes the next invocation: its headers and payload.
    async fn next(&self) -> (HeaderMap, Value) {
        let url = format!("http://{}/{RUNTIME}/invocation/next", self.address);
        let mut response = self.http.get(url).send().await.unwrap();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            body.extend_from_slice(&chunk);
        }
        (headers, serde_json::from_slice(&body).unwrap())
    }

    async fn post(&self, path: &str, body: Value) -> u16 {
        let url = format!("http://{}/{RUNTIME}/{path}", self.address);
        let request = self.http.post(url).body(body.to_string());
        request.send().await.unwrap().status().as_u16()
    }
}

fn id(headers: &HeaderMap) -> String {
    let id = headers["lambda-runtime-aws-request-id"].to_str();
    id.unwrap().to_owned()
}

#[tokio::test]
async fn invocations_queue_and_end_with_what_the_function_posts() {
    let api = RuntimeApi::start().await.unwrap();
    let function = Function::of(&api);
    assert_eq!(api.first_next(), None);
    let before = Instant::now();
    let minute = Duration::from_mins(1);
    let (first, second) = (json!({"n": 1}), json!({"n": 2}));
    let serve = async {
        let (headers, payload) = function.next().await;
        assert_eq!(payload, json!({"n": 1}));
        let deadline: i64 = headers["lambda-runtime-deadline-ms"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        let left = deadline - SystemClock.now().as_millisecond();
        assert!((50_000..=60_000).contains(&left), "{left}");
        let path = format!("invocation/{}/response", id(&headers));
        assert_eq!(function.post(&path, json!({"rows": 3})).await, 202);
        assert_eq!(function.post(&path, json!({})).await, 400, "only once");

        let (headers, payload) = function.next().await;
        assert_eq!(payload, json!({"n": 2}));
        let path = format!("invocation/{}/error", id(&headers));
        let error = json!({"errorType": "Upstream", "errorMessage": "try later"});
        assert_eq!(function.post(&path, error).await, 202);
    };
    let (first, second, ()) = futures_util::future::join3(
        api.invoke(&first, minute),
        api.invoke(&second, minute),
        serve,
    )
    .await;
    assert_eq!(first, InvocationResult::Success(json!({"rows": 3})));
    assert_eq!(second, InvocationResult::failure("Upstream", "try later"));
    assert!(api.first_next().is_some_and(|at| at >= before));
}

#[tokio::test]
async fn an_invocation_that_nobody_answers_times_out_and_is_not_handed_out_later() {
    let api = RuntimeApi::start().await.unwrap();
    let function = Function::of(&api);
    let late = api
        .invoke(&json!({"n": 1}), Duration::from_millis(20))
        .await;
    let timed_out = InvocationResult::failure(TIMED_OUT, "Task timed out after 0.02 seconds");
    assert_eq!(late, timed_out);

    let answer = async {
        let (headers, payload) = function.next().await;
        let path = format!("invocation/{}/response", id(&headers));
        function.post(&path, payload).await;
    };
    let payload = json!({"n": 2});
    let (result, ()) =
        futures_util::future::join(api.invoke(&payload, Duration::from_mins(1)), answer).await;
    assert_eq!(result, InvocationResult::Success(json!({"n": 2})));
}

#[tokio::test]
async fn an_init_error_fails_what_waits_and_what_comes() {
    let api = RuntimeApi::start().await.unwrap();
    let function = Function::of(&api);
    let error = json!({"errorType": "InvalidConfig", "errorMessage": "set BUCKET"});
    let payload = json!({});
    let (waiting, status) = futures_util::future::join(
        api.invoke(&payload, Duration::from_mins(1)),
        function.post("init/error", error),
    )
    .await;
    assert_eq!(status, 202);
    let expected = InvocationResult::failure("InvalidConfig", "set BUCKET");
    assert_eq!(waiting, expected);
    assert_eq!(api.invoke(&payload, Duration::from_mins(1)).await, expected);
}

#[tokio::test]
async fn an_answer_that_lambda_would_not_carry_fails_the_invocation() {
    let api = RuntimeApi::start().await.unwrap();
    let function = Function::of(&api);
    let payload = json!({});
    let serve = async {
        for (letters, status) in [(MOST_ANSWER - 2, 202), (MOST_ANSWER - 1, 413)] {
            let (headers, _) = function.next().await;
            let path = format!("invocation/{}/response", id(&headers));
            let answer = json!("a".repeat(letters));
            assert_eq!(function.post(&path, answer).await, status, "{letters}");
        }
    };
    let minute = Duration::from_mins(1);
    let (fits, over, ()) = futures_util::future::join3(
        api.invoke(&payload, minute),
        api.invoke(&payload, minute),
        serve,
    )
    .await;
    assert!(matches!(fits, InvocationResult::Success(_)));
    assert!(
        matches!(&over, InvocationResult::Failure { error_type, .. } if error_type == TOO_LARGE),
        "{over:?}"
    );
}
