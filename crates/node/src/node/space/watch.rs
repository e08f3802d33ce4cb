//! Looks over and over, and does something about it.

use std::io;
use std::time::Duration;

use kv_statemachine::{Alarm, AlarmAction, AlarmKind, AlarmRequest, AlarmSource, Operation};

use super::disk::{Attendant, Disk, Look};
use super::marks::Marks;
use super::reclaim::Reclaim;
use crate::node::Client;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// The same where the bounds are near: a fast disk fills within a second.
const LOOK_NEAR: Duration = Duration::from_millis(50);
/// How long an attempt to raise or lift the alarm may take. After it the disk is looked
/// at again; the attempt may still succeed.
const ATTEMPT: Duration = Duration::from_secs(2);

/// Watches a node's space.
pub struct Watch {
    client: Client,
    /// `None` if the node has no disk of its own.
    disk: Option<Attendant>,
    quota: Option<u64>,
    was_shut: bool,
    reclaim: Reclaim,
}

impl Watch {
    /// One that has not looked yet, for the node that the client asks.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub fn new(client: Client, disk: Option<Disk>, quota: Option<u64>) -> io::Result<Watch> {
        let disk = disk.map(Disk::attend).transpose()?;
        Ok(Watch { client, disk, quota, was_shut: false, reclaim: Reclaim::default() })
    }

    /// Looks until the node has ended.
    pub async fn run(mut self) {
        while !self.client.inner.replica.has_ended() {
            let look = match &self.disk {
                Some(disk) => disk.look().await.unwrap_or_default(),
                None => Look::default(),
            };
            let marks = Marks { reserve: look.reserve, quota: self.quota };
            self.act(&marks, look).await;
            let pause = if marks.is_near(look.room) { LOOK_NEAR } else { LOOK };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.client.inner.gate.asked_to_look() => {}
            }
        }
    }

    /// Opens or shuts the gate, and raises or lifts the alarm.
    async fn act(&mut self, marks: &Marks, look: Look) {
        let inner = &self.client.inner;
        let state_bytes = inner.store.size_bytes();
        // Whoever was refused because of what others had put since the last look may well
        // have room now.
        let wanted = state_bytes.saturating_add(inner.gate.take_refused());
        let is_short = marks.is_short(look.room, wanted);
        let is_enough = !is_short && marks.is_enough(look.room, state_bytes);
        let alarm = Alarm { kind: AlarmKind::NO_SPACE, member: inner.member };
        let raised = inner.reader.alarms().source(alarm);
        // Between the marks it stays as it is.
        let is_shut = is_short || (!is_enough && raised == Some(AlarmSource::Member));
        let left = self.quota.map_or(u64::MAX, |quota| quota.saturating_sub(state_bytes));
        inner.gate.set(is_shut, left, look.room);
        if std::mem::replace(&mut self.was_shut, is_shut) != is_shut {
            tell(is_shut, marks, look, state_bytes);
        }
        if is_shut {
            self.reclaim.begin(&self.client).await;
        }
        let action = match (is_short, is_enough, raised) {
            (true, _, None) => AlarmAction::Raise,
            (_, true, Some(AlarmSource::Member)) => AlarmAction::Lift,
            _ => return,
        };
        let request = AlarmRequest { action, alarm, source: AlarmSource::Member };
        match tokio::time::timeout(ATTEMPT, self.client.write(Operation::Alarm(request))).await {
            Ok(Ok(_)) => tracing::info!(?action, alarm = %alarm.kind, "alarm changed"),
            Ok(Err(error)) => tracing::debug!(?action, %error, "alarm not changed yet"),
            Err(_) => tracing::debug!(?action, "alarm not changed in time"),
        }
    }
}

fn tell(is_shut: bool, marks: &Marks, look: Look, state_bytes: u64) {
    let free_bytes = look.room.map(|room| room.free_bytes);
    let (reserve_bytes, quota_bytes) = (marks.reserve, marks.quota);
    if is_shut {
        tracing::warn!(
            free_bytes,
            reserve_bytes,
            state_bytes,
            quota_bytes,
            "too little space: puts are refused; make room on the disk, or delete and compact"
        );
    } else {
        tracing::info!(free_bytes, state_bytes, "enough space again");
    }
}
