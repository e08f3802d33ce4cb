//! When space is short, and when there is enough again.

use raft_storage::files::Room;

/// The bounds, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// What is to be free on the disk; 0: whatever is free is enough.
    pub reserve: u64,
    /// How large the state may be; `None`: as large as it likes.
    pub quota: Option<u64>,
}

impl Marks {
    /// Whether clients must be refused. A disk that does not tell its room is no reason.
    pub fn is_short(&self, room: Option<Room>, state_bytes: u64) -> bool {
        let disk = room.is_some_and(|room| room.free_bytes < self.reserve);
        disk || self.quota.is_some_and(|quota| state_bytes >= quota)
    }

    /// Whether clients that were refused may come back: not for a little that some other
    /// program freed for a moment.
    pub fn is_enough(&self, room: Option<Room>, state_bytes: u64) -> bool {
        let disk = match room {
            Some(room) => room.free_bytes >= 2 * self.reserve,
            None => self.reserve == 0,
        };
        disk && self.quota.is_none_or(|quota| state_bytes <= quota / 10 * 9)
    }

    /// Whether so little is left that even the node's own writes may fail.
    pub fn is_last(&self, room: Room) -> bool {
        room.free_bytes < self.reserve / 4
    }

    /// Whether the bounds are near enough to look more often.
    pub fn is_near(&self, room: Option<Room>) -> bool {
        room.is_some_and(|room| room.free_bytes < 4 * self.reserve)
    }

    /// How much the ballast holds.
    pub fn ballast(&self) -> u64 {
        self.reserve / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(free_bytes: u64) -> Option<Room> {
        Some(Room { free_bytes, total_bytes: 10_000 })
    }

    #[test]
    fn between_the_marks_all_stays_as_it_is() {
        let marks = Marks { reserve: 100, quota: Some(1000) };
        for (free, state, short, enough) in [
            (99, 0, true, false),
            (100, 0, false, false),
            (199, 0, false, false),
            (200, 0, false, true),
            (200, 900, false, true),
            (200, 901, false, false),
            (200, 999, false, false),
            (200, 1000, true, false),
            (0, 2000, true, false),
        ] {
            let found = (marks.is_short(room(free), state), marks.is_enough(room(free), state));
            assert_eq!(found, (short, enough), "{free} free, a state of {state}");
        }
        assert!(marks.is_last(Room { free_bytes: 24, total_bytes: 0 }));
        assert!(!marks.is_last(Room { free_bytes: 25, total_bytes: 0 }));
    }

    #[test]
    fn what_is_not_watched_is_enough() {
        let marks = Marks { reserve: 0, quota: None };
        assert!(!marks.is_short(room(0), u64::MAX) && marks.is_enough(room(0), u64::MAX));
        assert!(!marks.is_short(None, 0) && marks.is_enough(None, 0));
        let marks = Marks { reserve: 100, quota: None };
        assert!(!marks.is_short(None, 0) && !marks.is_enough(None, 0), "the disk does not tell");
    }
}
