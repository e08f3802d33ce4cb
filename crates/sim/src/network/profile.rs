//! How well a network serves.

use raft_core::Time;

use crate::rng::Rng;

/// The distribution of delays and mishaps on every link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The least delay in microseconds.
    pub delay_min_us: u64,
    /// The usual delay is at most this, in microseconds.
    pub delay_usual_us: u64,
    /// So many of a thousand frames are much later …
    pub late_per_mille: u64,
    /// … by at most this, in microseconds.
    pub late_max_us: u64,
    /// So many of a thousand frames are lost.
    pub loss_per_mille: u64,
    /// So many of a thousand frames that may be are delivered twice.
    pub repeat_per_mille: u64,
    /// So many of a thousand frames have a bit flipped on their way.
    pub damage_per_mille: u64,
    /// So many of a thousand chunks break their stream.
    pub stream_break_per_mille: u64,
}

impl Profile {
    /// A network of one data centre on a good day.
    pub fn calm() -> Profile {
        Profile {
            delay_min_us: 100,
            delay_usual_us: 500,
            late_per_mille: 0,
            late_max_us: 0,
            loss_per_mille: 0,
            repeat_per_mille: 0,
            damage_per_mille: 0,
            stream_break_per_mille: 0,
        }
    }

    /// A network on which everything goes wrong now and then.
    pub fn rough() -> Profile {
        Profile {
            delay_min_us: 200,
            delay_usual_us: 8_000,
            late_per_mille: 30,
            late_max_us: 400_000,
            loss_per_mille: 30,
            repeat_per_mille: 30,
            damage_per_mille: 5,
            stream_break_per_mille: 100,
        }
    }

    /// A network drawn for one run: anything from calm to rough.
    pub fn draw(rng: &mut Rng) -> Profile {
        let rough = Profile::rough();
        let delay_min_us = rng.between(50, 2_000);
        Profile {
            delay_min_us,
            delay_usual_us: delay_min_us + rng.between(100, rough.delay_usual_us),
            late_per_mille: rng.between(0, rough.late_per_mille),
            late_max_us: rng.between(10_000, rough.late_max_us),
            loss_per_mille: rng.between(0, rough.loss_per_mille),
            repeat_per_mille: rng.between(0, rough.repeat_per_mille),
            damage_per_mille: rng.between(0, rough.damage_per_mille),
            stream_break_per_mille: rng.between(0, rough.stream_break_per_mille),
        }
    }

    /// When a frame sent now arrives.
    pub(super) fn arrival(&self, now: Time, rng: &mut Rng) -> Time {
        let mut delay = rng.between(self.delay_min_us, self.delay_usual_us);
        if rng.per_mille(self.late_per_mille) {
            delay += rng.between(0, self.late_max_us);
        }
        Time(now.0 + delay)
    }
}
