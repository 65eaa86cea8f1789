use serde::{Deserialize, Serialize};

use crate::list::{ListPosition, ListWalk};
use crate::search::{SearchPosition, SearchWalk};
use crate::{Error, Row};

/// What a walk yields: pages of rows as they come, and holes the vendor does not let us fill.
#[derive(Debug, Clone)]
pub enum Step {
    /// Rows not yielded before by this walk.
    Rows(Vec<Row>),
    /// Rows that are missing.
    Gap(Gap),
}

/// Why a walk cannot be complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// A sentence for people.
    pub why: String,
    /// Whether another walk over the same span would lack the same rows; if not, it is worth
    /// reading again.
    pub lasting: bool,
}

/// How fast a walk is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Finish what was begun, such as the pages of a window, and begin nothing new.
    Soon,
    /// Send nothing more, and forget the calls in flight.
    Now,
}

/// Where a walk stands: what it has still to read, and the rows of that which it yielded already. A
/// walk of the same route that is [resumed](Walk::resumed) from it yields the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Of a list.
    List(ListPosition),
    /// Of a search.
    Search(SearchPosition),
}

/// A walk to the end of a list or a search. It ends after the first error.
#[derive(Debug)]
pub struct Walk {
    course: Course,
    failed: bool,
}

#[derive(Debug)]
enum Course {
    List(Box<ListWalk>),
    Search(Box<SearchWalk>),
}

impl Walk {
    pub(crate) fn list(walk: ListWalk) -> Self {
        Self::of(Course::List(Box::new(walk)))
    }

    pub(crate) fn search(walk: SearchWalk) -> Self {
        Self::of(Course::Search(Box::new(walk)))
    }

    fn of(course: Course) -> Self {
        Self {
            course,
            failed: false,
        }
    }

    /// The next rows or gap; `None` at the end, and where the walk was stopped.
    ///
    /// Dropping the future loses nothing: calls in flight go on, and what they bring is yielded by
    /// the next call.
    pub async fn next(&mut self) -> Result<Option<Step>, Error> {
        if self.failed {
            return Ok(None);
        }
        let step = match &mut self.course {
            Course::List(walk) => walk.next().await,
            Course::Search(walk) => walk.next().await,
        };
        self.failed = step.is_err();
        step
    }

    /// Stops the walk; [`Walk::next`] still yields what was read, then `None`.
    pub fn stop(&mut self, how: Stop) {
        match &mut self.course {
            Course::List(walk) => walk.stop(),
            Course::Search(walk) => walk.stop(how),
        }
    }

    /// Where the walk stands, after [`Walk::next`] said `None` or failed.
    pub fn position(&self) -> Position {
        match &self.course {
            Course::List(walk) => Position::List(walk.position()),
            Course::Search(walk) => Position::Search(walk.position()),
        }
    }

    /// Whether everything was yielded.
    pub fn at_end(&self) -> bool {
        match &self.course {
            Course::List(walk) => walk.at_end(),
            Course::Search(walk) => walk.at_end(),
        }
    }

    /// This walk, begun where another one over the same route stood. `None` if the position is not
    /// of this kind of walk.
    #[must_use]
    pub fn resumed(self, position: Position) -> Option<Self> {
        let course = match (self.course, position) {
            (Course::List(walk), Position::List(position)) => {
                Course::List(Box::new(walk.resumed(position)))
            }
            (Course::Search(walk), Position::Search(position)) => {
                Course::Search(Box::new(walk.resumed(position)))
            }
            _ => return None,
        };
        Some(Self::of(course))
    }
}
