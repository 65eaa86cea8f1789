use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use lake::Mode;
use zoho_desk::{
    Desk, Document, EntityId, Error, Gap, Listing, Paging, RangeParam, Route, Row, Search, Step,
    TimeField, Walk, Window, routes,
};

use crate::catalogue::{Source, Tickets};
use crate::plan::Plan;

/// What a run gets from the vendor, piece by piece.
pub(crate) enum Piece {
    /// Records, and the parent that they lack the id of.
    Rows {
        parent: Option<Parent>,
        rows: Vec<Row>,
    },
    /// One JSON value, whole.
    Value(bytes::Bytes),
    /// Rows that are missing.
    Gap(Gap),
    /// A parent that was there a moment ago.
    Vanished,
}

/// The record that a list hangs on.
#[derive(Debug, Clone)]
pub(crate) struct Parent {
    /// The key that child rows gain.
    pub(crate) key: &'static str,
    pub(crate) id: EntityId,
}

pub(crate) type Pieces<'a> = BoxStream<'a, Result<Piece, Error>>;

/// All rows of `plan`, several requests at a time.
pub(crate) fn pieces<'a>(desk: &'a Desk, plan: &'a Plan) -> Pieces<'a> {
    let scope = &plan.scope;
    match scope.report.source() {
        Source::List(route) => {
            let listing = with_optional(
                Listing::new(route),
                "departmentIds",
                scope.department.as_ref(),
            );
            orphans(desk.list(listing))
        }
        Source::DepartmentList(route) => orphans(desk.list(department_list(route, plan))),
        Source::Search { route, .. } => {
            orphans(desk.search(search(route, plan, scope.status.as_deref())))
        }
        Source::PerAgent(route) => {
            let agents = match &scope.agent {
                Some(agent) => only(agent),
                None => ids(desk.list(Listing::new(routes::AGENTS))),
            };
            children(
                desk,
                agents,
                "agentId",
                scope.agent.is_some(),
                move |agent| agent_entries(route, agent, plan),
            )
        }
        Source::PerDepartment(route) => {
            let departments = match &scope.department {
                Some(department) => only(department),
                None => ids(desk.list(Listing::new(routes::DEPARTMENTS))),
            };
            children(
                desk,
                departments,
                "departmentId",
                scope.department.is_some(),
                move |department| Listing::new(route).with("departmentId", department.as_str()),
            )
        }
        Source::PerTicket { route, tickets } => {
            let ticket_ids = match &scope.ticket {
                Some(ticket) => only(ticket),
                None => ids(ticket_walk(desk, plan, tickets)),
            };
            children(
                desk,
                ticket_ids,
                "ticketId",
                scope.ticket.is_some(),
                move |ticket| {
                    let listing = Listing::of(route, ticket);
                    match tickets {
                        Tickets::Changed => listing,
                        Tickets::Unresolved => listing.with("status", "Pending"),
                    }
                },
            )
        }
        Source::Any => any_route(desk, plan),
    }
}

fn orphans(walk: Walk<'_>) -> Pieces<'_> {
    walk.map(|step| step.map(|step| piece(step, None))).boxed()
}

fn piece(step: Step, parent: Option<Parent>) -> Piece {
    match step {
        Step::Rows(rows) => Piece::Rows { parent, rows },
        Step::Gap(gap) => Piece::Gap(gap),
    }
}

fn with_optional(listing: Listing, key: &str, id: Option<&EntityId>) -> Listing {
    match id {
        Some(id) => listing.with(key, id.as_str()),
        None => listing,
    }
}

/// Created times for everything: they never change, so nothing moves while it is read. Modified
/// times for what changed.
fn search(route: Route, plan: &Plan, status: Option<&str>) -> Search {
    let field = match plan.mode {
        Mode::Full => TimeField::Created,
        Mode::Incremental => TimeField::Modified,
    };
    let mut search = Search::new(route, field, plan.window());
    if let Some(department) = &plan.scope.department {
        search = search.with("departmentId", department.as_str());
    }
    if let Some(status) = status {
        search = search.with("status", status);
    }
    search
}

fn ticket_walk<'a>(desk: &'a Desk, plan: &Plan, tickets: Tickets) -> Walk<'a> {
    let of = |status| desk.search(search(routes::SEARCH_TICKETS, plan, status));
    match tickets {
        Tickets::Changed => of(None),
        Tickets::Unresolved if plan.everything => of(None),
        // Status types, so that custom statuses are covered.
        Tickets::Unresolved => of(Some("${open}")).chain(of(Some("${onhold}"))).boxed(),
    }
}

fn department_list(route: Route, plan: &Plan) -> Listing {
    let department = plan
        .scope
        .department
        .as_ref()
        .map_or("allDepartment", EntityId::as_str);
    let listing = Listing::new(route).with("department", department);
    if route != routes::CUSTOMER_HAPPINESS {
        return listing;
    }
    let range = RangeParam::Millis("startTime", "endTime");
    match plan.mode {
        Mode::Incremental => listing.within(range, plan.window()),
        Mode::Full => listing.splittable(range, plan.window()),
    }
}

fn agent_entries(route: Route, agent: &EntityId, plan: &Plan) -> Listing {
    let department = plan.scope.department.as_ref();
    let listing = with_optional(Listing::of(route, agent), "departmentId", department);
    match plan.mode {
        Mode::Incremental => listing.within(RangeParam::Iso("modifiedTimeRange"), plan.window()),
        Mode::Full => listing.splittable(
            RangeParam::Iso("createdTimeRange"),
            Window::until(plan.until),
        ),
    }
}

/// Ids of parents as they come, or a gap in them.
type Ids<'a> = BoxStream<'a, Result<Result<EntityId, Gap>, Error>>;

fn only(id: &EntityId) -> Ids<'static> {
    let id = id.clone();
    stream::once(async move { Ok(Ok(id)) }).boxed()
}

fn ids(walk: Walk<'_>) -> Ids<'_> {
    walk.map(|step| match step {
        Ok(Step::Rows(rows)) => stream::iter(rows)
            .map(|row| {
                Ok(row.id.ok_or_else(|| Gap {
                    why: "a parent has no numeric id and was left out".to_owned(),
                    lasting: true,
                }))
            })
            .boxed(),
        Ok(Step::Gap(gap)) => stream::once(async { Ok(Err(gap)) }).boxed(),
        Err(error) => stream::once(async { Err(error) }).boxed(),
    })
    .flatten()
    .boxed()
}

/// The lists of all parents, as many side by side as calls may be in flight. A parent that is not
/// there vanished since it was listed, unless it was `named` by a person.
fn children<'a>(
    desk: &'a Desk,
    parents: Ids<'a>,
    key: &'static str,
    named: bool,
    listing: impl Fn(&EntityId) -> Listing + Send + 'a,
) -> Pieces<'a> {
    parents
        .map(move |parent| match parent {
            Ok(Ok(id)) => {
                let walk = desk.list(listing(&id));
                let parent = Parent { key, id };
                walk.map(move |step| match step {
                    Ok(step) => Ok(piece(step, Some(parent.clone()))),
                    Err(Error::NotFound { .. }) if !named => Ok(Piece::Vanished),
                    Err(error) => Err(error),
                })
                .boxed()
            }
            Ok(Err(gap)) => stream::once(async { Ok(Piece::Gap(gap)) }).boxed(),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        })
        .flatten_unordered(desk.width())
        .boxed()
}

/// `desk-route`: a list is walked to its end where the route pages, anything else is one value.
fn any_route<'a>(desk: &'a Desk, plan: &'a Plan) -> Pieces<'a> {
    stream::once(first_answer(desk, plan)).flatten().boxed()
}

async fn first_answer<'a>(desk: &'a Desk, plan: &'a Plan) -> Pieces<'a> {
    let Some(route) = &plan.scope.route else {
        return stream::empty().boxed();
    };
    let paging = Route::known(route.path()).map_or(UNKNOWN_PAGING, |route| route.paging);
    let by_hand = route.pages_itself() || paging == Paging::None;
    let query = || {
        route
            .query()
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
    };
    if !by_hand {
        let listing = query().fold(
            Listing::at(route.path(), paging),
            |listing, (key, value)| listing.with(key, value),
        );
        // Pages are only worth walking where the route takes `from` and `limit` at all.
        match desk.first_page(&listing).await {
            Ok(Document::Rows(_)) => return orphans(desk.list(listing)),
            Ok(document) => return whole(document),
            Err(Error::Refused { status: 422, .. }) => {}
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        }
    }
    match desk.document(route.path(), query()).await {
        Ok(document) => whole(document),
        Err(error) => stream::once(async { Err(error) }).boxed(),
    }
}

/// What a route of unknown paging is tried with: 50 rows is the smallest cap of the known ones.
const UNKNOWN_PAGING: Paging = Paging::Offset {
    page: 50,
    last_offset: 4999,
};

fn whole(document: Document) -> Pieces<'static> {
    let piece = match document {
        Document::Rows(rows) => Piece::Rows { parent: None, rows },
        Document::Value(value) => Piece::Value(value),
        Document::Empty => return stream::empty().boxed(),
    };
    stream::once(async { Ok(piece) }).boxed()
}
