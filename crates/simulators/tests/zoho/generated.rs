use jiff::Timestamp;
use simulators::zoho::{AccountSize, Options};

use crate::portal::{NOW, Portal, field};

#[tokio::test]
async fn the_same_seed_gives_the_same_portal_and_another_one_does_not() {
    let truth = async |seed: u64| {
        let options = Options {
            seed,
            ..Options::with_tickets(20)
        };
        Portal::open(options).await.truth("tickets", "")
    };
    let first = truth(1).await;
    assert_eq!(first, truth(1).await);
    assert_ne!(first, truth(2).await);
    let now: Timestamp = NOW.parse().unwrap();
    for row in first {
        let time = |name| field(&row, name).parse::<Timestamp>().unwrap();
        assert!(time("createdTime") <= time("modifiedTime") && time("modifiedTime") <= now);
        assert!((17..=18).contains(&field(&row, "id").len()));
    }
}

#[tokio::test]
async fn an_empty_portal_answers_204_everywhere() {
    let portal = Portal::open(Options {
        size: AccountSize::empty(),
        ..Options::default()
    })
    .await;
    for path in [
        "tickets",
        "tickets/search",
        "contacts",
        "accounts",
        "calls",
        "myPendingApprovals",
    ] {
        let answer = portal.get(path).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{path}");
    }
    assert_eq!(portal.get("agents").await.rows().len(), 1);
}
