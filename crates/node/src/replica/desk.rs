//! Where clients hand in their requests and get the answers.

use std::time::Duration;

use slab::Slab;
use tokio::sync::oneshot;

use crate::driver::DriverLimits;
use crate::driver::admission::{Admission, Permit, TooManyRequests};
use crate::driver::request::{Answer, CallId, Done, RequestBody, RequestError, Unknown};

/// What a client gets.
pub type Outcome<R> = Result<Done<R>, RequestError>;

/// Why a call brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It was not let in; nothing of it was done.
    #[error(transparent)]
    TooMany(#[from] TooManyRequests),
    /// It was let in, and failed.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// The clients that are inside.
#[derive(Debug)]
pub struct Desk<R> {
    admission: Admission,
    calls: Slab<oneshot::Sender<Outcome<R>>>,
    is_closed: bool,
}

impl<R> Desk<R> {
    /// Nobody is inside.
    pub fn new(limits: &DriverLimits) -> Desk<R> {
        Desk { admission: Admission::new(limits), calls: Slab::new(), is_closed: false }
    }

    /// Lets a request in.
    ///
    /// # Errors
    ///
    /// If there is no room, or the node stops.
    pub fn open(&mut self, body: &RequestBody) -> Result<Opened<R>, CallError> {
        if self.is_closed {
            return Err(CallError::Request(stopping()));
        }
        let bytes = match body {
            RequestBody::Write { payload, .. } => payload.len() as u64,
            RequestBody::Read
            | RequestBody::ChangeMembership(_)
            | RequestBody::TransferLeadership(_) => 0,
        };
        let permit = self.admission.admit(bytes)?;
        let (sender, receiver) = oneshot::channel();
        let call = CallId(self.calls.insert(sender) as u64);
        let is_alone = self.waiting() == 1;
        Ok(Opened { call, permit, receiver, is_alone })
    }

    /// Takes the answered clients out; telling them can wait until the desk is free.
    pub fn settle(&mut self, answers: Vec<Answer<R>>) -> Vec<Settled<R>> {
        let settle = |Answer { call, permit, result }| {
            self.admission.give_back(permit);
            // Once the desk is closed everybody has been told already.
            let sender = self.calls.try_remove(call.0 as usize)?;
            Some(Settled { sender, result })
        };
        answers.into_iter().filter_map(settle).collect()
    }

    /// Lets nobody in any more. Whoever is still inside is told so: what became of
    /// a request that a dead worker held is not known.
    pub fn close(&mut self) {
        self.is_closed = true;
        for sender in self.calls.drain() {
            // A client that has left does not care.
            let _ = sender.send(Err(RequestError::Unknown(Unknown::Stopping)));
        }
    }

    /// How many clients are inside.
    pub fn waiting(&self) -> u64 {
        self.admission.requests()
    }
}

/// A request that was let in.
pub struct Opened<R> {
    /// Its number.
    pub call: CallId,
    /// Travels with it.
    pub permit: Permit,
    /// Gets the answer.
    pub receiver: oneshot::Receiver<Outcome<R>>,
    /// Nobody else was inside.
    pub is_alone: bool,
}

/// A client to be told.
pub struct Settled<R> {
    sender: oneshot::Sender<Outcome<R>>,
    result: Outcome<R>,
}

impl<R> Settled<R> {
    /// Tells the client, if it is still there.
    pub fn tell(self) {
        // A client that has left does not care.
        let _ = self.sender.send(self.result);
    }
}

/// What a request that came too late gets.
pub fn stopping() -> RequestError {
    RequestError::NotDone(crate::driver::request::NotDone::Stopping)
}

/// The longest time that a request may take; keeps deadlines within the clock.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(3600);
