use super::caller::Hub;
use crate::openapi;

#[tokio::test]
async fn no_request_made_from_the_hubs_document_meets_an_error_of_ours() {
    let hub = Hub::of("fuzz").await;
    let document = hub.url("/openapi.json");
    openapi::fuzz(&document, &hub.stack.text("/http_api"), &hub.key);
}
