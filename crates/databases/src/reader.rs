use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine::{Error, Kind, Piece, Reader, Stop, Used};
use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::plan::Plan;
use crate::position::{Part, Position, State};
use crate::scan::{self, Batch, Outlet};
use crate::session::Session;

/// Chunks that are read ahead.
const AHEAD: usize = 1;

/// A stream on its way: a task reads ahead over a connection of its own.
pub(crate) struct RowReader {
    from: mpsc::Receiver<Result<Batch, Error>>,
    position: Position,
    soon: Arc<AtomicBool>,
    statements: Arc<AtomicU64>,
    task: JoinHandle<()>,
    /// It was stopped, or failed: that the task is gone is no surprise then.
    over: bool,
}

impl RowReader {
    pub(crate) fn start<S: Session>(
        session: S,
        plan: Plan,
        position: Position,
        most_rows: u32,
    ) -> Self {
        let (to, from) = mpsc::channel(AHEAD);
        let soon = Arc::new(AtomicBool::new(false));
        let statements = Arc::new(AtomicU64::new(session.statements()));
        let outlet = Outlet::new(to, position.clone(), soon.clone(), statements.clone());
        let task = tokio::spawn(scan::run(session, plan, outlet, most_rows));
        Self {
            from,
            position,
            soon,
            statements,
            task,
            over: false,
        }
    }

    async fn piece(&mut self) -> Result<Option<Piece>, Error> {
        loop {
            match self.from.recv().await {
                Some(Ok(batch)) => {
                    self.position = batch.position;
                    if !batch.rows.is_empty() {
                        return Ok(Some(Piece::Rows {
                            parent: None,
                            rows: batch.rows,
                        }));
                    }
                }
                Some(Err(error)) => {
                    self.over = true;
                    return Err(error);
                }
                None if self.over || self.at_end() => return Ok(None),
                None => {
                    self.over = true;
                    return Err(Error::new(Kind::Internal, "reading ended without a reason"));
                }
            }
        }
    }
}

impl Reader for RowReader {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Piece>, Error>> {
        Box::pin(self.piece())
    }

    fn stop(&mut self, how: Stop) {
        self.over = true;
        self.soon.store(true, Ordering::Relaxed);
        if how == Stop::Now {
            // What lies in the channel is still handed out.
            self.from.close();
            self.task.abort();
        }
    }

    fn at_end(&self) -> bool {
        self.position.part == Part::End
    }

    fn position(&self) -> Result<Box<RawValue>, Error> {
        self.position.json()
    }

    fn state(&self) -> Result<Option<Box<RawValue>>, Error> {
        State::of(&self.position)
            .map(|state| state.json())
            .transpose()
    }

    fn used(&self) -> Used {
        Used {
            requests: self.statements.load(Ordering::Relaxed),
            ..Used::default()
        }
    }
}

impl Drop for RowReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}
