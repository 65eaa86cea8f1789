use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine::Error;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::gather::Gather;
use crate::plan::Plan;
use crate::position::{Part, Position};
use crate::session::Session;

/// A chunk ends at about so many bytes: two of them, and one with the consumer, are in memory.
pub(crate) const BYTES_PER_CHUNK: usize = 2 * 1024 * 1024;
/// Nobody knows how large rows are before the first ones came.
const FIRST_ROWS: u32 = 200;

/// Rows, and where the reading stands behind them.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<Box<RawValue>>,
    pub(crate) position: Position,
}

/// Where a scan puts its rows.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    to: mpsc::Sender<Result<Batch, Error>>,
    pub(crate) position: Position,
    pub(crate) soon: Arc<AtomicBool>,
    pub(crate) statements: Arc<AtomicU64>,
}

impl Outlet {
    pub(crate) fn new(
        to: mpsc::Sender<Result<Batch, Error>>,
        position: Position,
        soon: Arc<AtomicBool>,
        statements: Arc<AtomicU64>,
    ) -> Self {
        Self {
            to,
            position,
            soon,
            statements,
        }
    }

    /// Hands rows on; `false`: nobody wants them any more.
    pub(crate) async fn put(&mut self, rows: Vec<Box<RawValue>>) -> bool {
        self.position.rows += rows.len() as u64;
        let position = self.position.clone();
        self.to.send(Ok(Batch { rows, position })).await.is_ok()
    }

    /// The same from a thread that may wait.
    pub(crate) fn put_blocking(&mut self, rows: Vec<Box<RawValue>>) -> bool {
        self.position.rows += rows.len() as u64;
        let position = self.position.clone();
        self.to.blocking_send(Ok(Batch { rows, position })).is_ok()
    }

    async fn fail(&self, error: Error) {
        // If nobody listens, nobody needs to know.
        let _ = self.to.send(Err(error)).await;
    }
}

/// Reads to the end, or until it is to stop.
pub(crate) async fn run<S: Session>(
    mut session: S,
    plan: Plan,
    mut outlet: Outlet,
    most_rows: u32,
) {
    let result = scan(&mut session, &plan, &mut outlet, most_rows).await;
    outlet
        .statements
        .store(session.statements(), Ordering::Relaxed);
    if let Err(error) = result {
        outlet.fail(error).await;
    }
}

async fn scan<S: Session>(
    session: &mut S,
    plan: &Plan,
    outlet: &mut Outlet,
    most_rows: u32,
) -> Result<(), Error> {
    let mut limit = FIRST_ROWS.min(most_rows);
    while outlet.position.part != Part::End {
        let part = outlet.position.part;
        let layout = plan.layout(part);
        if part == Part::Whole {
            let statement = plan.statement(&outlet.position, None);
            let skip = outlet.position.rows;
            session.whole(&statement, &layout, skip, outlet).await?;
            outlet.position.next_part();
            outlet.put(Vec::new()).await;
            return Ok(());
        }
        while outlet.position.part == part {
            if outlet.soon.load(Ordering::Relaxed) {
                return Ok(());
            }
            let statement = plan.statement(&outlet.position, Some(limit.saturating_add(1)));
            let gather = Gather::new(limit, BYTES_PER_CHUNK);
            let chunk = session.chunk(&statement, &layout, gather).await?;
            outlet
                .statements
                .store(session.statements(), Ordering::Relaxed);
            limit = next_limit(limit, chunk.rows.len(), chunk.bytes, most_rows);
            if chunk.more {
                outlet.position.after = Some(chunk.last);
            } else {
                outlet.position.next_part();
            }
            if !outlet.put(chunk.rows).await {
                return Ok(());
            }
        }
    }
    // Says that it is the end, should no row have done so.
    outlet.put(Vec::new()).await;
    Ok(())
}

/// As many rows as make up a chunk's bytes, growing step by step.
pub(crate) fn next_limit(limit: u32, rows: usize, bytes: usize, most: u32) -> u32 {
    if rows == 0 {
        return limit;
    }
    let per_row = (bytes / rows).max(1);
    let fit = u32::try_from(BYTES_PER_CHUNK / per_row).unwrap_or(u32::MAX);
    fit.min(limit.saturating_mul(8)).clamp(1, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_rows_make_chunks_grow_and_large_ones_shrink() {
        assert_eq!(next_limit(200, 200, 200 * 100, 10_000), 1600);
        assert_eq!(next_limit(1600, 1600, 1600 * 100, 10_000), 10_000);
        assert_eq!(next_limit(10_000, 10, 10 * 1024 * 1024, 10_000), 2);
        assert_eq!(next_limit(200, 1, 100 * 1024 * 1024, 10_000), 1);
        assert_eq!(next_limit(5, 0, 0, 10_000), 5);
    }
}
