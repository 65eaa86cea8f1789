use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use clock::{Clock, SystemClock};
use lambda_kit::{Env, Failure};
use lambda_runtime::{LambdaEvent, service_fn};
use sqs_batch::Patience;

use crate::{Clients, SalesiqWebhook, SendNotifications, Service, TicketWorker, api_router};

/// The functions of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `salesiq-webhook`.
    SalesiqWebhook,
    /// `ticket-worker`.
    TicketWorker,
    /// `send-notifications`.
    SendNotifications,
    /// `ticket-api`.
    TicketApi,
}

/// Runs a function until Lambda stops it: the whole of each function's `main`.
pub fn main(function: Function) -> Result<(), lambda_runtime::Error> {
    // One thread: below 1,769 MB Lambda gives less than one processor.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve(function))
}

async fn serve(function: Function) -> Result<(), lambda_runtime::Error> {
    let env = Env::of_process();
    lambda_kit::start_telemetry(&env);
    let clients = Box::pin(Clients::connect(&env)).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let service = Service::new(&env, &clients, clock)?;
    match function {
        Function::SalesiqWebhook => {
            let hook = SalesiqWebhook::new(&env, &clients, service)?;
            hook.warm_up().await;
            front_door::serve(hook.router()).await
        }
        Function::TicketApi => {
            service.warm_up().await;
            front_door::serve(api_router(&env, service)?).await
        }
        Function::TicketWorker => {
            service.warm_up().await;
            let worker = TicketWorker::new(&env, service)?;
            let patience = Patience::new(clients.sqs, env.text("TICKET_JOBS_QUEUE_URL"));
            let (worker, patience) = (&worker, &patience);
            lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
                let response = worker.invoke(event.payload.clone(), event.context).await?;
                patience.put_off(&event.payload, &response).await;
                Ok::<_, Failure>(response)
            }))
            .await
        }
        Function::SendNotifications => {
            service.warm_up().await;
            let sender = SendNotifications::new(&env, &clients, service)?;
            let patience = Patience::new(clients.sqs, env.text("NOTIFICATIONS_QUEUE_URL"));
            let (sender, patience) = (&sender, &patience);
            lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
                let response = sender.invoke(event.payload.clone(), event.context).await?;
                patience.put_off(&event.payload, &response).await;
                Ok::<_, Failure>(response)
            }))
            .await
        }
    }
}
