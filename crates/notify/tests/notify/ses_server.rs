//! SES v2 on loopback: `SendEmail` answers as told, and the request is kept.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::Router;
use axum::extract::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::post;
use notify::SesSettings;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Status, error code, message.
pub(crate) type Refusal = (u16, &'static str, &'static str);

pub(crate) struct SesServer {
    endpoint: String,
    requests: Arc<Mutex<Vec<Value>>>,
    _stop: oneshot::Sender<()>,
}

impl SesServer {
    pub(crate) async fn start(refusal: Option<Refusal>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        let send_email = move |Json(request): Json<Value>| async move {
            kept.lock().unwrap().push(request);
            match refusal {
                None => Json(json!({"MessageId": "0100-ses"})).into_response(),
                Some((status, code, message)) => (
                    StatusCode::from_u16(status).unwrap(),
                    [("x-amzn-errortype", code)],
                    Json(json!({ "message": message })),
                )
                    .into_response(),
            }
        };
        let router = Router::new().route("/v2/email/outbound-emails", post(send_email));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(listener, router).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        tokio::spawn(serving.into_future());
        Self {
            endpoint,
            requests,
            _stop: stop,
        }
    }

    pub(crate) fn settings(&self, configuration_set: Option<&str>) -> SesSettings {
        settings(&self.endpoint, configuration_set)
    }

    pub(crate) fn only_request(&self) -> Value {
        let requests = self.requests.lock().unwrap();
        let [request] = requests.as_slice() else {
            panic!("{} requests", requests.len());
        };
        request.clone()
    }
}

pub(crate) fn settings(endpoint: &str, configuration_set: Option<&str>) -> SesSettings {
    let credentials = Credentials::from_keys("test", "test", None);
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint)
        .build();
    SesSettings {
        client: aws_sdk_sesv2::Client::new(&config),
        configuration_set: configuration_set.map(str::to_owned),
    }
}
