//! Which of several servers is talked to: the first that answers.
//!
//! The endpoints are tried in their order. One that fails lets the next one begin at
//! once; one that is merely slow gets a head start, and then the next one is tried
//! beside it, so that a server that hangs costs a fraction of a second (as in RFC 8305,
//! which does the same for addresses of one host). One that has failed is tried again
//! after a pause, so that a server that is just starting is waited for, whatever the
//! others do.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::transport::Channel;

use super::target::Target;
use crate::failure::{Exit, Failure};
use crate::settings::Settings;

/// How long an endpoint is alone before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(50);

/// How long an endpoint that has failed is left alone.
const PAUSE: Duration = Duration::from_millis(100);

/// The servers of a command, in the order in which they are tried.
pub struct Servers {
    targets: Vec<Target>,
    /// Why each could not be reached when that was last tried.
    problems: Vec<Option<String>>,
    /// The one that is tried first.
    first: usize,
}

impl Servers {
    /// Reads the endpoints.
    ///
    /// # Errors
    /// There are none, or one is malformed or asks for TLS.
    pub fn new(settings: &Settings, endpoints: &[String]) -> Result<Servers, Failure> {
        let targets = endpoints.iter().map(|endpoint| Target::new(endpoint, settings));
        let targets = targets.collect::<Result<Vec<_>, _>>()?;
        if targets.is_empty() {
            return Err(Failure::new(Exit::BadConnection, "etcdclient: no available endpoints")
                .with_hint("name the servers with --endpoints"));
        }
        Ok(Servers { problems: vec![None; targets.len()], targets, first: 0 })
    }

    /// Connects to the first that answers, and says which it is.
    ///
    /// # Errors
    /// None answers before the deadline.
    pub async fn dial(&mut self, deadline: Instant) -> Result<(usize, Channel), Failure> {
        let mut attempts = JoinSet::new();
        let all = self.targets.len();
        let mut waiting: VecDeque<usize> =
            (0..all).map(|number| (self.first + number) % all).collect();
        loop {
            if let Some(number) = waiting.pop_front() {
                let target = self.targets[number].clone();
                attempts.spawn(async move { (number, target.connect().await) });
            }
            tokio::select! {
                biased;
                Some(attempt) = attempts.join_next() => match attempt {
                    Ok((number, Ok(channel))) => return Ok((number, channel)),
                    Ok((number, Err(problem))) => {
                        self.problems[number] = Some(problem);
                        let target = self.targets[number].clone();
                        attempts.spawn(async move {
                            sleep(PAUSE).await;
                            (number, target.connect().await)
                        });
                    }
                    Err(error) => {
                        return Err(Failure::new(Exit::Error, format!("dialling failed: {error}")));
                    }
                },
                () = sleep_until(deadline) => return Err(self.unreachable()),
                () = sleep(HEAD_START), if !waiting.is_empty() => {}
            }
        }
    }

    /// Begins with another server next time: this one did not serve.
    pub fn avoid(&mut self, number: usize) {
        self.first = (number + 1) % self.targets.len();
    }

    /// The name of a server.
    pub fn name(&self, number: usize) -> &str {
        &self.targets[number].name
    }

    fn unreachable(&self) -> Failure {
        let problems = self.targets.iter().zip(&self.problems).map(|(target, problem)| {
            format!("{} ({})", target.name, problem.as_deref().unwrap_or("it does not answer"))
        });
        let problems: Vec<String> = problems.collect();
        Failure::deadline().with_hint(format_args!(
            "no connection to {}; is a server running there? --endpoints names others",
            problems.join(", ")
        ))
    }
}
