//! How much room there is for calls, and how much of it is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How much may be inside at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Calls.
    pub requests: u64,
    /// Bytes of what they sent. What one call may send is always let in.
    pub bytes: u64,
    /// Bytes that each of them may send however much the others sent: those bound it
    /// no more than their number does.
    pub small: u64,
    /// How long a call may take to be sent whole.
    pub sending: Duration,
    /// Bytes of answers that one connection may leave unread before it is refused more.
    pub unread: u64,
    /// Bytes of answers that all connections together may leave unread before those
    /// that do are refused more.
    pub all_unread: u64,
}

/// What is inside, of one node.
#[derive(Debug, Default)]
pub struct Room {
    requests: AtomicU64,
    bytes: AtomicU64,
    unread: AtomicU64,
    refused: AtomicU64,
}

/// There is no room: try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Room {
    /// Calls that are inside.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes of what they sent.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of answers that are not read yet.
    pub fn unread(&self) -> u64 {
        self.unread.load(Ordering::Relaxed)
    }

    /// Counts an answer that is not read yet.
    pub fn add_unread(&self, bytes: u64) {
        self.unread.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It is read, or its client is gone.
    pub fn remove_unread(&self, bytes: u64) {
        self.unread.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// As [`Room::answer`], for an answer that may be large: it makes no difference that
    /// its own connection has read all before.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn answer_largely(&self, unread: u64, bounds: &Bounds) -> Result<(), Full> {
        self.refuse_if(unread >= bounds.unread || self.unread() >= bounds.all_unread)
    }

    /// Whether there is room for an answer to a connection that left so many bytes unread.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn answer(&self, unread: u64, bounds: &Bounds) -> Result<(), Full> {
        let is_all_full = unread > 0 && self.unread() >= bounds.all_unread;
        self.refuse_if(unread >= bounds.unread || is_all_full)
    }

    fn refuse_if(&self, is_full: bool) -> Result<(), Full> {
        if is_full { Err(self.refuse()) } else { Ok(()) }
    }

    /// Counts a refusal.
    fn refuse(&self) -> Full {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Full
    }

    /// Calls that were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// A call's place inside, with all bytes that it sent. Dropped, it makes room.
#[derive(Debug)]
pub struct Permit {
    room: Arc<Room>,
    bounds: Bounds,
    bytes: AtomicU64,
}

impl Permit {
    /// Lets a call in of which only the head is known.
    ///
    /// # Errors
    ///
    /// If there is no room.
    pub fn of(room: &Arc<Room>, bounds: Bounds) -> Result<Arc<Permit>, Full> {
        let inside = room.requests.fetch_add(1, Ordering::Relaxed);
        // From here on it is dropped if it is refused.
        let permit = Permit { room: Arc::clone(room), bounds, bytes: AtomicU64::new(0) };
        if inside >= bounds.requests {
            return Err(room.refuse());
        }
        Ok(Arc::new(permit))
    }

    /// Takes in so many bytes of it.
    ///
    /// # Errors
    ///
    /// If there is no room, unless it is alone.
    pub fn grow(&self, bytes: u64) -> Result<(), Full> {
        let before = self.room.bytes.fetch_add(bytes, Ordering::Relaxed);
        let own = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let of_others = before.saturating_sub(own);
        let is_small = own + bytes <= self.bounds.small;
        if !is_small && of_others > 0 && before.saturating_add(bytes) > self.bounds.bytes {
            return Err(self.room.refuse());
        }
        Ok(())
    }

    /// How long it may take to be sent.
    pub fn sending(&self) -> Duration {
        self.bounds.sending
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.room.requests.fetch_sub(1, Ordering::Relaxed);
        self.room.bytes.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(requests: u64, bytes: u64) -> Bounds {
        let sending = Duration::from_secs(1);
        Bounds { requests, bytes, small: 5, sending, unread: 10, all_unread: 15 }
    }

    #[test]
    fn who_does_not_read_is_refused() {
        let (room, bounds) = (Room::default(), bounds(9, 9));
        room.add_unread(9);
        assert_eq!(room.answer(9, &bounds), Ok(()));
        room.add_unread(1);
        assert_eq!(room.answer(10, &bounds), Err(Full), "more than one may leave");
        room.add_unread(5);
        assert_eq!(room.answer(5, &bounds), Err(Full), "more than all may leave");
        assert_eq!(room.answer(0, &bounds), Ok(()), "it read all of its own");
        assert_eq!(room.answer_largely(0, &bounds), Err(Full), "nor would it read all of this");
        room.remove_unread(1);
        assert_eq!(room.answer_largely(5, &bounds), Ok(()));
        assert_eq!((room.unread(), room.refused()), (14, 3));
    }

    #[test]
    fn calls_are_counted() {
        let room = Arc::new(Room::default());
        let first = Permit::of(&room, bounds(2, 100)).expect("there is room");
        let second = Permit::of(&room, bounds(2, 100)).expect("there is room");
        assert_eq!(Permit::of(&room, bounds(2, 100)).err(), Some(Full));
        assert_eq!((room.requests(), room.refused()), (2, 1));
        drop(first);
        let third = Permit::of(&room, bounds(2, 100)).expect("there is room again");
        drop((second, third));
        assert_eq!((room.requests(), room.bytes()), (0, 0));
    }

    #[test]
    fn bytes_are_counted() {
        let room = Arc::new(Room::default());
        let first = Permit::of(&room, bounds(9, 100)).expect("there is room");
        first.grow(90).expect("there is room");
        let second = Permit::of(&room, bounds(9, 100)).expect("it may be small");
        assert_eq!(second.grow(11), Err(Full));
        drop(second);
        first.grow(10).expect("there is just enough room");
        let third = Permit::of(&room, bounds(9, 100)).expect("it may be small");
        assert_eq!(third.grow(5), Ok(()), "it is");
        assert_eq!(third.grow(1), Err(Full), "no byte more");
        drop((first, third));
        assert_eq!((room.requests(), room.bytes(), room.refused()), (0, 0, 2));
    }

    #[test]
    fn a_call_larger_than_the_room_is_let_in_alone() {
        let room = Arc::new(Room::default());
        let huge = Permit::of(&room, bounds(9, 100)).expect("nobody else is inside");
        huge.grow(60).expect("there is room");
        huge.grow(60).expect("it is alone");
        let other = Permit::of(&room, bounds(9, 100)).expect("it may be small");
        assert_eq!(other.grow(6), Err(Full));
        drop(huge);
        other.grow(6).expect("there is room again");
    }
}
