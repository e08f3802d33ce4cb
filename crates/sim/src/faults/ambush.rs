//! Faults that wait for their moment.
//!
//! What breaks protocols is rare by chance: a crash in the few milliseconds between two
//! steps of an installation, a leader that is cut off with a change that nobody else has.
//! So some faults are laid in wait, and strike the next node that comes to a certain
//! pass, whichever that is. Moment and blow are drawn independently of each other: which
//! of them make trouble together is for the runs to find out.

use std::fmt;

use crate::rng::Rng;

/// A pass that a node comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// A joint membership is in force on it.
    Joint,
    /// It is between two turns of an installation.
    Installing,
    /// A write of it waits that replaces entries on its disk.
    Replacing,
    /// It was elected.
    Elected,
    /// It leads, and has appended another membership.
    Changing,
    /// It told its heir to campaign, or was told to.
    HandingOver,
    /// It begins to send a snapshot.
    SendingSnapshot,
}

impl Moment {
    const ALL: [Moment; 7] = [
        Moment::Joint,
        Moment::Installing,
        Moment::Replacing,
        Moment::Elected,
        Moment::Changing,
        Moment::HandingOver,
        Moment::SendingSnapshot,
    ];
}

/// What it meets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blow {
    /// Its process is killed.
    Kill,
    /// Its machine loses its power.
    PowerLoss,
    /// Its process stands still for a while.
    Pause,
    /// Its disk is slow for a while.
    SlowDisk,
    /// For a while it gets through to nobody.
    CutOff,
    /// What others send to it is kept back for a while.
    ClogTo,
    /// What it sends is kept back for a while.
    ClogFrom,
    /// An operator wants the leader to change the membership.
    Change,
    /// An operator wants the leader to hand over.
    Transfer,
}

impl Blow {
    const ALL: [Blow; 9] = [
        Blow::Kill,
        Blow::PowerLoss,
        Blow::Pause,
        Blow::SlowDisk,
        Blow::CutOff,
        Blow::ClogTo,
        Blow::ClogFrom,
        Blow::Change,
        Blow::Transfer,
    ];
}

/// A fault that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ambush {
    /// What it waits for.
    pub moment: Moment,
    /// What it does then, once.
    pub blow: Blow,
    /// After so many microseconds it waits no more.
    pub patience_us: u64,
    /// It strikes so many microseconds after the moment.
    pub delay_us: u64,
    /// What it does lasts so long, in microseconds, if it lasts.
    pub for_us: u64,
}

impl Ambush {
    /// Draws one.
    pub(super) fn draw(rng: &mut Rng) -> Ambush {
        let moment = Moment::ALL[rng.below(Moment::ALL.len() as u64) as usize];
        let blow = Blow::ALL[rng.below(Blow::ALL.len() as u64) as usize];
        let delay_us = if rng.one_in(2) { rng.below(300) } else { rng.below(20_000) };
        Ambush {
            moment,
            blow,
            patience_us: rng.between(1_000_000, 30_000_000),
            delay_us,
            for_us: rng.between(50_000, 2_000_000),
        }
    }
}

impl fmt::Display for Ambush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (patience_ms, delay_us) = (self.patience_us / 1000, self.delay_us);
        write!(
            f,
            "within {patience_ms} ms, {delay_us} us after {:?}: {:?}, {} ms",
            self.moment,
            self.blow,
            self.for_us / 1000
        )
    }
}
