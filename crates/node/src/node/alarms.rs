//! Alarms, as clients see them.

use kv_statemachine::{Alarm, AlarmAction, AlarmRequest, AlarmSource, Operation, Response};

use super::client::{Client, Consistency};
use super::error::Error;

/// How many alarms there may be: every write looks at all of them.
const MOST_ALARMS: usize = 1000;

impl Client {
    /// The alarms of all members.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn alarms(&self, consistency: Consistency) -> Result<Vec<Alarm>, Error> {
        let view = self.view(consistency).await?;
        Ok(view.alarms().iter().map(|(alarm, _)| alarm).collect())
    }

    /// Raises an alarm, which stays until it is lifted by [`Client::lift_alarm`]. As with
    /// etcd it may be of any member; beyond a thousand alarms there are no more.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn raise_alarm(&self, alarm: Alarm) -> Result<(), Error> {
        let raised = self.inner.reader.alarms();
        if raised.iter().count() >= MOST_ALARMS && raised.source(alarm).is_none() {
            return Err(Error::TooManyRequests);
        }
        self.change_alarm(AlarmAction::Raise, alarm).await.map(|_| ())
    }

    /// Lifts an alarm, whoever raised it; tells whether it was there. A member that is
    /// still short of space raises its own again.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn lift_alarm(&self, alarm: Alarm) -> Result<bool, Error> {
        Ok(self.change_alarm(AlarmAction::Lift, alarm).await?.is_some())
    }

    async fn change_alarm(
        &self,
        action: AlarmAction,
        alarm: Alarm,
    ) -> Result<Option<Alarm>, Error> {
        let request = AlarmRequest { action, alarm, source: AlarmSource::Operator };
        match self.write(Operation::Alarm(request)).await? {
            Response::Alarm(alarm) => Ok(alarm),
            _ => unreachable!("an alarm is answered as one"),
        }
    }
}
