//! The hub's ports on AWS.

use std::time::Duration;

use hub::{
    Alert, Alerts as _, IntegrationId, Job, Owner, Platform, Queue as _, RunError, Schedule,
    Schedules as _, Vault as _, WorkerKind,
};
use hub_function::{
    QueueArns, QueueUrls, ScheduleSettings, SchedulerSchedules, SecretsVault, SnsAlerts, SqsQueues,
};
use secrecy::{ExposeSecret as _, SecretString};
use simulators::aws::Fault;
use state::TenantId;

use crate::world::World;

static HTTP: Platform = Platform {
    info: reports::ZOHO_DESK,
    worker: WorkerKind::Http,
};
static DATABASE: Platform = Platform {
    info: sql::POSTGRESQL,
    worker: WorkerKind::Database,
};

fn owner() -> Owner {
    Owner::new(TenantId::parse("acme").unwrap(), IntegrationId(7))
}

fn schedules(world: &World) -> SchedulerSchedules {
    SchedulerSchedules::new(
        world.clients().scheduler,
        ScheduleSettings {
            group: Some("group".to_owned()),
            role_arn: Some("role".to_owned()),
            dead_letters_arn: Some("dead".to_owned()),
        },
        QueueArns {
            integrations: Some("arn:http".to_owned()),
            databases: Some("arn:database".to_owned()),
        },
    )
}

#[tokio::test]
async fn a_secret_is_made_replaced_read_and_removed() {
    let world = World::start().await;
    let vault = SecretsVault::new(world.clients().aws.secrets, "p/");
    let text = |text: &str| SecretString::from(text.to_owned());
    assert!(vault.read(&owner()).await.unwrap().is_none());
    for value in ["{\"a\":1}", "{\"a\":2}"] {
        vault.put(&owner(), &text(value)).await.unwrap();
        let read = vault.read(&owner()).await.unwrap().unwrap();
        assert_eq!(read.expose_secret(), value);
        assert_eq!(
            world.aws.secret("p/integrations/acme/7").as_deref(),
            Some(value)
        );
    }
    for _ in 0..2 {
        vault.delete(&owner()).await.unwrap();
        assert_eq!(world.aws.secret("p/integrations/acme/7"), None);
    }
}

#[tokio::test]
async fn a_refused_secret_says_what_the_role_needs_and_nothing_of_the_secret() {
    let world = World::start().await;
    let vault = SecretsVault::new(world.clients().aws.secrets, "p/");
    world.aws.inject(Fault::deny("PutSecretValue"));
    let refused = vault
        .put(&owner(), &SecretString::from("decoy".to_owned()))
        .await
        .unwrap_err();
    assert!(!refused.is_transient());
    assert!(
        refused
            .to_string()
            .contains("secretsmanager:PutSecretValue"),
        "{refused}"
    );
    assert!(!refused.to_string().contains("decoy"));
}

#[tokio::test]
async fn a_schedule_is_made_changed_and_removed() {
    let world = World::start().await;
    let schedules = schedules(&world);
    let schedule = |every_minutes, enabled| Schedule {
        owner: owner(),
        every_minutes,
        enabled,
        job: Job::scheduled(owner()),
    };
    for (every, enabled, platform, expression, state, arn) in [
        (60, true, &HTTP, "rate(60 minutes)", "ENABLED", "arn:http"),
        (5, true, &HTTP, "rate(5 minutes)", "ENABLED", "arn:http"),
        (
            5,
            false,
            &DATABASE,
            "rate(5 minutes)",
            "DISABLED",
            "arn:database",
        ),
    ] {
        schedules
            .put(&schedule(every, enabled), platform)
            .await
            .unwrap();
        let kept = world.post.schedules();
        assert_eq!(kept.len(), 1);
        let kept = &kept["group/acme-7"];
        assert_eq!(kept["ScheduleExpression"], expression);
        assert_eq!(kept["State"], state);
        let target = &kept["Target"];
        assert_eq!(target["Arn"], arn);
        assert_eq!(target["RoleArn"], "role");
        assert_eq!(target["DeadLetterConfig"]["Arn"], "dead");
        assert_eq!(target["RetryPolicy"]["MaximumEventAgeInSeconds"], 3600);
        let job: Job = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
        assert_eq!(job, Job::scheduled(owner()));
    }
    for _ in 0..2 {
        schedules.remove(&owner()).await.unwrap();
        assert!(world.post.schedules().is_empty());
    }
    world
        .post
        .refuse_next("UpdateSchedule", 403, "AccessDeniedException");
    let refused = schedules.put(&schedule(60, true), &HTTP).await.unwrap_err();
    assert!(refused.to_string().contains("iam:PassRole"), "{refused}");
}

#[tokio::test]
async fn a_job_goes_to_its_platforms_queue() {
    let world = World::start().await;
    let url = |name: &str| Some(format!("{}/000000000000/{name}", world.post.origin()));
    let queues = SqsQueues::new(
        world.clients().sqs,
        QueueUrls {
            integrations: url("http"),
            databases: None,
        },
    );
    let job = Job::settle(owner());
    queues
        .send(&job, &HTTP, Duration::from_secs(2000))
        .await
        .unwrap();
    let sent = world.post.take("http", 900);
    assert_eq!(sent[0].delay_s, 900);
    assert_eq!(serde_json::from_str::<Job>(&sent[0].body).unwrap(), job);
    let unset = queues
        .send(&job, &DATABASE, Duration::ZERO)
        .await
        .unwrap_err();
    assert!(
        unset.to_string().contains("DATABASE_JOBS_QUEUE_URL"),
        "{unset}"
    );
}

#[tokio::test]
async fn an_alert_says_what_fails_and_why() {
    let world = World::start().await;
    let alert = Alert {
        owner: owner(),
        platform: "postgresql",
        failures: 3,
        error: RunError {
            error_type: "AuthRequired".to_owned(),
            message: "set the password again".to_owned(),
        },
    };
    let clients = world.clients();
    SnsAlerts::new(clients.sns.clone(), None)
        .raise(&alert)
        .await
        .unwrap();
    assert!(world.post.published().is_empty());
    SnsAlerts::new(clients.sns, Some("arn:topic".to_owned()))
        .raise(&alert)
        .await
        .unwrap();
    let published = world.post.published().remove(0);
    for part in [
        "arn%3Atopic",
        "AuthRequired",
        "acme",
        "postgresql",
        "password+again",
    ] {
        let spaced = part.replace('+', "%20");
        assert!(
            published.contains(part) || published.contains(&spaced),
            "{part}: {published}"
        );
    }
}
