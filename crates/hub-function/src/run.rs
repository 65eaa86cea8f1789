use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use hub::{Connector, WorkerKind};
use lambda_kit::Failure;
use lambda_runtime::{LambdaEvent, service_fn};

use crate::connector::HttpConnector;
use crate::setup::Setup;
use crate::worker::HubWorker;

type Outcome = Result<(), lambda_runtime::Error>;

/// Runs `integrations-api` until Lambda stops it: the whole of its `main`.
pub fn integrations_api() -> Outcome {
    on_one_thread(async {
        let setup = Setup::of_process().await?;
        front_door::serve(setup.router()?).await
    })
}

/// Runs `integrations-worker` until Lambda stops it: the whole of its `main`.
pub fn integrations_worker() -> Outcome {
    on_one_thread(async {
        let setup = Setup::of_process().await?;
        let connector = Arc::new(HttpConnector::new(&setup)?);
        serve(&setup.worker(WorkerKind::Http, connector)?).await
    })
}

/// Runs `database-worker` until Lambda stops it, with the connector that its `main` brings: no
/// other binary links database drivers.
pub fn database_worker(connector: impl FnOnce(&Setup) -> Arc<dyn Connector>) -> Outcome {
    on_one_thread(async {
        let setup = Setup::of_process().await?;
        let connector = connector(&setup);
        serve(&setup.worker(WorkerKind::Database, connector)?).await
    })
}

async fn serve(worker: &HubWorker) -> Outcome {
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let response = worker.invoke(event.payload, event.context).await?;
        Ok::<_, Failure>(response)
    }))
    .await
}

/// One thread: below 1,769 MB Lambda gives less than one processor.
fn on_one_thread(work: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
