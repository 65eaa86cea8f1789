//! A body that Zoho Desk posts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webhook::desk::{DeskEvent, Posted, parse};

fuzz_target!(|body: &[u8]| {
    let Ok(Posted::Events(events)) = parse(body) else {
        return;
    };
    assert!(events.len() <= 100);
    for event in events {
        assert!(event.dedupe_key().len() < 300);
        let sent = serde_json::to_string(&event).expect("an event is JSON");
        let received: DeskEvent = serde_json::from_str(&sent).expect("what was sent can be read");
        assert_eq!(received.dedupe_key(), event.dedupe_key());
        assert_eq!(received.payload.get(), event.payload.get());
    }
});
