//! Zoho Desk as a source of the integrations.

mod actions;
mod platform;
mod streams;

use engine::{Checked, Error, Kind, Mode, Reader, Reading, Source, Stream};
use futures_util::future::{self, BoxFuture};
use serde_json::Value;
use vendor_http::Deadline;
use zoho_desk::{Desk, EntityId};

use crate::failure::of_read;
use crate::plan::{Plan, Scope, Settings};
use crate::reader::{DeskReader, Known};
use crate::{Event, Report};

pub use platform::ZOHO_DESK;

/// One Zoho Desk organisation: the streams are those of the reports, and read as they are.
///
/// Its calls stop at the deadline of the [`Desk`] that it is made with.
#[derive(Debug, Clone)]
pub struct DeskSource {
    desk: Desk,
    department: Option<EntityId>,
}

impl DeskSource {
    /// Of the organisation that `desk` calls.
    pub fn new(desk: Desk) -> Self {
        Self {
            desk,
            department: None,
        }
    }

    /// Only rows of `department`, in the streams that know departments; new tickets go there unless
    /// an action names another one.
    #[must_use]
    pub fn in_department(self, department: Option<EntityId>) -> Self {
        Self { department, ..self }
    }

    fn plan(&self, reading: &Reading) -> Result<Plan, Error> {
        let report = streams::report(&reading.stream)?;
        let settings = Settings {
            department_id: self.department.clone(),
            ..Settings::default()
        };
        let scope =
            |event: &Event| Scope::new(report, event, &settings).map_err(|why| refused(&why));
        let incremental = scope(&Event::default())?.incremental();
        let event = Event {
            // What is read in full each time knows no more of it than that.
            full: incremental && reading.mode == Mode::Full,
            ..Event::default()
        };
        let known = match (&reading.state, reading.mode) {
            (Some(state), Mode::Incremental) => {
                let known: Known =
                    serde_json::from_str(state.get()).map_err(|_| unreadable(report))?;
                Some(known.watermark)
            }
            _ => None,
        };
        Plan::after(scope(&event)?, &event, known, reading.started_at).map_err(|why| refused(&why))
    }

    fn reader(&self, reading: &Reading) -> Result<DeskReader, Error> {
        let usage = self.desk.usage();
        let resume = reading.resume.as_deref();
        DeskReader::new(&self.desk, self.plan(reading)?, resume, usage)
    }

    async fn checked(&self, deadline: Deadline) -> Result<Checked, Error> {
        let desk = self.desk.by(deadline);
        let organizations = desk.organizations().await.map_err(of_read)?;
        let mut all = organizations.into_iter();
        let ours = all.find(|organization| organization.id == desk.org().as_str());
        let ours = ours.ok_or_else(|| of_read(zoho_desk::Error::WrongOrganization))?;
        let facts = [("account", ours.company_name), ("edition", ours.edition)];
        let known = facts
            .into_iter()
            .filter_map(|(name, fact)| Some((name, fact?)));
        Ok(Checked {
            message: "Connection successful".to_owned(),
            facts: known.collect(),
        })
    }
}

impl Source for DeskSource {
    fn check(&self, deadline: Deadline) -> BoxFuture<'_, Result<Checked, Error>> {
        Box::pin(self.checked(deadline))
    }

    fn streams(&self, _deadline: Deadline) -> BoxFuture<'_, Result<Vec<Stream>, Error>> {
        Box::pin(future::ready(Ok(streams::all())))
    }

    fn read(&self, reading: Reading) -> BoxFuture<'_, Result<Box<dyn Reader>, Error>> {
        let reader = self.reader(&reading);
        Box::pin(future::ready(
            reader.map(|reader| Box::new(reader) as Box<dyn Reader>),
        ))
    }

    fn act<'a>(
        &'a self,
        action: &'a str,
        parameters: &'a Value,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Value, Error>> {
        let desk = self.desk.by(deadline);
        let department = self.department.as_ref();
        Box::pin(actions::carry_out(desk, department, action, parameters))
    }
}

fn refused(why: &crate::InvalidEvent) -> Error {
    Error::new(Kind::InvalidConfig, why)
}

fn unreadable(report: Report) -> Error {
    Error::new(
        Kind::Internal,
        format!("what the last run of {report} left cannot be read: run it in full once"),
    )
}
