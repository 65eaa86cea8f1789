use engine::{Parent, Piece};
use lake::Mode;
use serde::{Deserialize, Serialize};
use zoho_desk::{
    Desk, EntityId, Error, Gap, Listing, RangeParam, Route, Search, Step, Stop, TimeField, Walk,
    Window, routes,
};

use crate::any_route::AnyRoute;
use crate::catalogue::{Source, Tickets};
use crate::children::{Children, ChildrenPosition, MakeListing, Parents};
use crate::plan::Plan;

/// All rows of a plan, several requests at a time; it can be stopped, and resumed by another
/// process.
#[derive(Debug)]
pub(crate) struct Pieces(Course);

#[derive(Debug)]
enum Course {
    Walk(Walk),
    Children(Box<Children>),
    Route(Box<AnyRoute>),
    /// A route was not given.
    Nothing,
}

/// Where [`Pieces`] stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Position {
    /// In a list or search.
    Walk(zoho_desk::Position),
    /// Among the lists of many parents.
    Children(ChildrenPosition),
    /// Before a route's first answer.
    Unread,
    /// Behind a route's only answer.
    Read,
}

/// What a walk yielded, and the record that its list hangs on.
pub(crate) fn piece(step: Step, parent: Option<Parent>) -> Piece {
    match step {
        Step::Rows(rows) => Piece::Rows {
            parent,
            rows: rows.into_iter().map(|row| row.json).collect(),
        },
        Step::Gap(gap) => missing(gap),
    }
}

pub(crate) fn missing(gap: Gap) -> Piece {
    Piece::Gap(engine::Gap {
        why: gap.why,
        lasting: gap.lasting,
    })
}

impl Pieces {
    /// The rows of `plan`, from the first.
    pub(crate) fn of(desk: &Desk, plan: &Plan) -> Self {
        let scope = &plan.scope;
        Self(match scope.report.source() {
            Source::List(route) => {
                let listing = Listing::new(route);
                let listing = with_optional(listing, "departmentIds", scope.department.as_ref());
                Course::Walk(desk.list(listing))
            }
            Source::DepartmentList(route) => Course::Walk(desk.list(department_list(route, plan))),
            Source::Search { route, .. } => {
                Course::Walk(desk.search(search(route, plan, scope.status.as_deref())))
            }
            Source::PerAgent(route) => {
                let agents = || Parents::of([desk.list(Listing::new(routes::AGENTS))]);
                let parents = scope.agent.as_ref().map_or_else(agents, Parents::one);
                children(desk, parents, "agentId", agent_entries(route, plan))
            }
            Source::PerDepartment(route) => {
                let departments = || Parents::of([desk.list(Listing::new(routes::DEPARTMENTS))]);
                let parents = scope
                    .department
                    .as_ref()
                    .map_or_else(departments, Parents::one);
                let tags = move |department: &EntityId| {
                    Listing::new(route).with("departmentId", department.as_str())
                };
                children(desk, parents, "departmentId", Box::new(tags))
            }
            Source::PerTicket { route, tickets } => {
                let walks = || Parents::of(ticket_walks(desk, plan, tickets));
                let parents = scope.ticket.as_ref().map_or_else(walks, Parents::one);
                children(desk, parents, "ticketId", of_ticket(route, tickets))
            }
            Source::Any => match &scope.route {
                Some(route) => Course::Route(Box::new(AnyRoute::new(desk.clone(), route.clone()))),
                None => Course::Nothing,
            },
        })
    }

    /// The next piece; `None` at the end, and where it was stopped. Dropping the future loses
    /// nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Piece>, Error> {
        match &mut self.0 {
            Course::Walk(walk) => Ok(walk.next().await?.map(|step| piece(step, None))),
            Course::Children(children) => children.next().await,
            Course::Route(route) => route.next().await,
            Course::Nothing => Ok(None),
        }
    }

    pub(crate) fn stop(&mut self, how: Stop) {
        match &mut self.0 {
            Course::Walk(walk) => walk.stop(how),
            Course::Children(children) => children.stop(how),
            Course::Route(route) => route.stop(how),
            Course::Nothing => {}
        }
    }

    /// Whether all rows were yielded.
    pub(crate) fn at_end(&self) -> bool {
        match &self.0 {
            Course::Walk(walk) => walk.at_end(),
            Course::Children(children) => children.at_end(),
            Course::Route(route) => route.at_end(),
            Course::Nothing => true,
        }
    }

    /// Where it stands, once it was stopped and [`Pieces::next`] said `None`.
    pub(crate) fn position(&self) -> Position {
        match &self.0 {
            Course::Walk(walk) => Position::Walk(walk.position()),
            Course::Children(children) => Position::Children(children.position()),
            Course::Route(route) => route.position(),
            Course::Nothing => Position::Read,
        }
    }

    /// The rest of the rows. `None` if the position is one of another report.
    pub(crate) fn resumed(self, position: Position) -> Option<Self> {
        let course = match (self.0, position) {
            (Course::Walk(walk), Position::Walk(position)) => Course::Walk(walk.resumed(position)?),
            (Course::Children(children), Position::Children(position)) => {
                Course::Children(Box::new(children.resumed(position)?))
            }
            (Course::Route(route), position) => Course::Route(Box::new(route.resumed(position)?)),
            _ => return None,
        };
        Some(Self(course))
    }
}

fn children(desk: &Desk, parents: Parents, key: &'static str, listing: MakeListing) -> Course {
    Course::Children(Box::new(Children::new(desk.clone(), parents, key, listing)))
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
    let field = match plan.span.mode {
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

/// The search whose rows, or whose rows' children, the plan reads window by window.
pub(crate) fn windowed_search(plan: &Plan) -> Option<Search> {
    match plan.scope.report.source() {
        Source::Search { route, .. } => Some(search(route, plan, plan.scope.status.as_deref())),
        Source::PerTicket {
            tickets: Tickets::Changed,
            ..
        } => Some(search(routes::SEARCH_TICKETS, plan, None)),
        _ => None,
    }
}

fn ticket_walks(desk: &Desk, plan: &Plan, tickets: Tickets) -> Vec<Walk> {
    let of = |status| desk.search(search(routes::SEARCH_TICKETS, plan, status));
    match tickets {
        Tickets::Changed => vec![of(None)],
        Tickets::Unresolved if plan.span.everything => vec![of(None)],
        // Status types, so that custom statuses are covered.
        Tickets::Unresolved => vec![of(Some("${open}")), of(Some("${onhold}"))],
    }
}

fn of_ticket(route: Route, tickets: Tickets) -> MakeListing {
    Box::new(move |ticket| {
        let listing = Listing::of(route, ticket);
        match tickets {
            Tickets::Changed => listing,
            Tickets::Unresolved => listing.with("status", "Pending"),
        }
    })
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
    match plan.span.mode {
        Mode::Incremental => listing.within(range, plan.window()),
        Mode::Full => listing.splittable(range, plan.window()),
    }
}

fn agent_entries(route: Route, plan: &Plan) -> MakeListing {
    let department = plan.scope.department.clone();
    let (mode, window, until) = (plan.span.mode, plan.window(), plan.span.until);
    Box::new(move |agent| {
        let listing = Listing::of(route, agent);
        let listing = with_optional(listing, "departmentId", department.as_ref());
        match mode {
            Mode::Incremental => listing.within(RangeParam::Iso("modifiedTimeRange"), window),
            Mode::Full => {
                listing.splittable(RangeParam::Iso("createdTimeRange"), Window::until(until))
            }
        }
    })
}
