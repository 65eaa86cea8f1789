use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use engine::{Parent, Piece};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use zoho_desk::{Desk, EntityId, Error, Gap, Listing, Position as WalkPosition, Step, Stop, Walk};

use crate::pieces::{missing, piece};

/// Parents that wait for their turn while more of them are read.
const MOST_WAITING: usize = 100;

/// Makes the list that hangs on a parent.
pub(crate) type MakeListing = Box<dyn Fn(&EntityId) -> Listing + Send + Sync>;

/// The lists of many parents, as many side by side as calls may be in flight.
pub(crate) struct Children {
    desk: Desk,
    parents: Parents,
    /// The key that children gain, and the list they are in.
    key: &'static str,
    listing: MakeListing,
    /// A person named the parent: it has to exist. Others may have vanished since they were listed.
    named: bool,
    waiting: VecDeque<EntityId>,
    /// Lists that are being read, and what of them was yielded.
    begun: BTreeMap<EntityId, Option<WalkPosition>>,
    // Tasks, so that calls go on while the caller writes rows; they end with the set.
    in_flight: JoinSet<Walked>,
    ready: VecDeque<Piece>,
    stopped: Option<Stop>,
}

type Walked = (EntityId, Walk, Result<Option<Step>, Error>);

/// Where the ids of the parents come from.
#[derive(Debug)]
pub(crate) struct Parents {
    one: Option<EntityId>,
    walks: VecDeque<Walk>,
}

/// Where the lists of many parents stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChildrenPosition {
    /// Of the parents' walks that are not at their end.
    parents: Vec<WalkPosition>,
    /// Parents whose lists were not begun.
    waiting: Vec<EntityId>,
    /// Parents whose lists were begun.
    begun: BTreeMap<EntityId, Option<WalkPosition>>,
}

impl Parents {
    pub(crate) fn one(id: &EntityId) -> Self {
        Self {
            one: Some(id.clone()),
            walks: VecDeque::new(),
        }
    }

    pub(crate) fn of(walks: impl IntoIterator<Item = Walk>) -> Self {
        Self {
            one: None,
            walks: walks.into_iter().collect(),
        }
    }

    fn at_end(&self) -> bool {
        self.walks.iter().all(Walk::at_end)
    }

    async fn next(&mut self) -> Result<Option<Step>, Error> {
        while let Some(walk) = self.walks.front_mut() {
            if let Some(step) = walk.next().await? {
                return Ok(Some(step));
            }
            self.walks.pop_front();
        }
        Ok(None)
    }

    fn resumed(self, positions: Vec<WalkPosition>) -> Option<Self> {
        let done = self.walks.len().checked_sub(positions.len())?;
        let rest = self.walks.into_iter().skip(done);
        let walks = rest
            .zip(positions)
            .map(|(walk, position)| walk.resumed(position));
        Some(Self {
            one: None,
            walks: walks.collect::<Option<_>>()?,
        })
    }
}

impl fmt::Debug for Children {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Children")
            .field("key", &self.key)
            .field("waiting", &self.waiting.len())
            .field("begun", &self.begun.len())
            .finish_non_exhaustive()
    }
}

impl Children {
    pub(crate) fn new(
        desk: Desk,
        mut parents: Parents,
        key: &'static str,
        listing: MakeListing,
    ) -> Self {
        let named = parents.one.take();
        Self {
            desk,
            parents,
            key,
            listing,
            named: named.is_some(),
            waiting: named.into_iter().collect(),
            begun: BTreeMap::new(),
            in_flight: JoinSet::new(),
            ready: VecDeque::new(),
            stopped: None,
        }
    }

    pub(crate) fn resumed(mut self, position: ChildrenPosition) -> Option<Self> {
        self.parents = self.parents.resumed(position.parents)?;
        self.waiting = position.waiting.into();
        for (id, stood) in position.begun {
            let walk = self.desk.list((self.listing)(&id));
            let walk = match &stood {
                Some(stood) => walk.resumed(stood.clone())?,
                None => walk,
            };
            self.begun.insert(id.clone(), stood);
            self.read_on(id, walk);
        }
        Some(self)
    }

    pub(crate) fn position(&self) -> ChildrenPosition {
        ChildrenPosition {
            parents: self.parents.walks.iter().map(Walk::position).collect(),
            waiting: self.waiting.iter().cloned().collect(),
            begun: self.begun.clone(),
        }
    }

    pub(crate) fn at_end(&self) -> bool {
        self.parents.at_end()
            && self.waiting.is_empty()
            && self.begun.is_empty()
            && self.ready.is_empty()
    }

    pub(crate) fn stop(&mut self, how: Stop) {
        if how == Stop::Now {
            self.in_flight.abort_all();
        }
        for walk in &mut self.parents.walks {
            walk.stop(Stop::Now);
        }
        self.stopped = Some(how);
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Piece>, Error> {
        loop {
            if self.stopped.is_some() {
                self.keep_parents_read().await?;
            }
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some(piece));
            }
            match self.stopped {
                None => self.begin_lists(),
                Some(Stop::Soon) => {}
                Some(Stop::Now) => return Ok(None),
            }
            let more_parents = self.stopped.is_none()
                && !self.parents.at_end()
                && self.waiting.len() < MOST_WAITING;
            tokio::select! {
                Some(walked) = self.in_flight.join_next() => match walked {
                    Ok(walked) => self.take(walked)?,
                    Err(ended) => if let Ok(panic) = ended.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    },
                },
                step = self.parents.next(), if more_parents => {
                    if let Some(step) = step? {
                        self.queue(step);
                    }
                }
                else => return Ok(None),
            }
        }
    }

    /// What the parents' walk had ready when it was stopped counts as yielded there.
    async fn keep_parents_read(&mut self) -> Result<(), Error> {
        for index in 0..self.parents.walks.len() {
            while let Some(step) = match self.parents.walks.get_mut(index) {
                Some(walk) => walk.next().await?,
                None => None,
            } {
                self.queue(step);
            }
        }
        Ok(())
    }

    fn begin_lists(&mut self) {
        while self.in_flight.len() < self.desk.width() {
            let Some(id) = self.waiting.pop_front() else {
                return;
            };
            let walk = self.desk.list((self.listing)(&id));
            self.begun.insert(id.clone(), None);
            self.read_on(id, walk);
        }
    }

    fn read_on(&mut self, id: EntityId, mut walk: Walk) {
        self.in_flight.spawn(async move {
            let step = walk.next().await;
            (id, walk, step)
        });
    }

    fn take(&mut self, (id, walk, step): Walked) -> Result<(), Error> {
        match step {
            Ok(Some(step)) => {
                let parent = Parent {
                    key: self.key.to_owned(),
                    id: id.as_str().to_owned(),
                };
                self.ready.push_back(piece(step, Some(parent)));
                self.begun.insert(id.clone(), Some(walk.position()));
                self.read_on(id, walk);
            }
            Ok(None) => {
                self.begun.remove(&id);
            }
            Err(Error::NotFound { .. }) if !self.named => {
                self.begun.remove(&id);
                self.ready.push_back(Piece::Vanished);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn queue(&mut self, step: Step) {
        match step {
            Step::Rows(rows) => {
                for row in rows {
                    match row.id {
                        Some(id) => self.waiting.push_back(id),
                        None => self.ready.push_back(missing(Gap {
                            why: "a parent has no numeric id and was left out".to_owned(),
                            lasting: true,
                        })),
                    }
                }
            }
            Step::Gap(gap) => self.ready.push_back(missing(gap)),
        }
    }
}
