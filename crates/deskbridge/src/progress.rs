use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::model::{Run, Status};
use crate::session::Session;
use crate::text::{line, plural};

/// Wait between two plain lines that differ in numbers only.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// How far a run is, for whoever waits: a bar on a terminal, lines elsewhere.
pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines { told: Option<(String, Instant)> },
    Hidden,
}

impl Progress {
    pub(crate) fn new(session: &Session<'_>) -> Self {
        if session.global.quiet {
            return Self::Hidden;
        }
        match session.world.terminal.progress() {
            Some(target) => {
                let bar = ProgressBar::with_draw_target(Some(0), target);
                // Without streams to count there is nothing to fill the bar with.
                bar.set_style(style("{spinner} [{elapsed_precise}] {wide_msg}"));
                bar.enable_steady_tick(Duration::from_millis(200));
                Self::Bar(bar)
            }
            None => Self::Lines { told: None },
        }
    }

    pub(crate) fn show(&mut self, session: &mut Session<'_>, run: &Run) {
        match self {
            Self::Hidden => {}
            Self::Bar(bar) => {
                if !run.streams.is_empty() && bar.length() == Some(0) {
                    bar.set_style(style(
                        "{spinner} [{elapsed_precise}] {bar:24} {pos}/{len} {wide_msg}",
                    ));
                }
                bar.set_length(run.streams.len() as u64);
                bar.set_position(done(run));
                bar.set_message(figures(run));
            }
            Self::Lines { told } => {
                let phase = phase(run);
                let due = match told {
                    Some((before, at)) => *before != phase || at.elapsed() >= PLAIN_EVERY,
                    None => true,
                };
                if due && !run.status.has_ended() {
                    *told = Some((phase, Instant::now()));
                    session.note(&told_plainly(run));
                }
            }
        }
    }

    /// Clears the bar, so that what is printed next stands alone.
    pub(crate) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn done(run: &Run) -> u64 {
    run.streams.iter().filter(|stream| stream.is_over()).count() as u64
}

/// What is going on, without numbers that grow.
fn phase(run: &Run) -> String {
    let at = run
        .streams
        .iter()
        .find(|stream| !stream.is_over() && stream.stage != "waiting");
    match at {
        Some(stream) => format!("{}: {}", line(&stream.name), line(&stream.stage)),
        None if run.status == Status::Running => line(&run.stage),
        None => run.status.as_str().to_owned(),
    }
}

/// A bar shows how many streams are done by itself.
fn told_plainly(run: &Run) -> String {
    let (figures, streams) = (figures(run), run.streams.len() as u64);
    match streams {
        0 => figures,
        _ => format!(
            "{figures}, {} of {} done",
            done(run),
            plural(streams, "stream")
        ),
    }
}

fn figures(run: &Run) -> String {
    let phase = phase(run);
    if run.streams.is_empty() {
        return phase;
    }
    let pages = run.streams.iter().map(|stream| stream.pages).sum();
    format!(
        "{phase}, {}, {}",
        plural(run.rows(), "row"),
        plural(pages, "page")
    )
}
