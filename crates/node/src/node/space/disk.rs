//! Looks at the disk, and keeps the ballast.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use raft_storage::files::Room;
use tokio::sync::oneshot;

use super::{Ballast, DiskReserve, Marks, RoomSource};

/// A node's disk: where its files lie.
pub struct Disk {
    reserve: DiskReserve,
    source: Arc<dyn RoomSource>,
    ballast: Ballast,
    /// What the log was told is wrong, so that it is told once.
    trouble: Option<String>,
}

/// What one look has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The room, where the disk tells.
    pub room: Option<Room>,
    /// How much of it is to be free, in bytes.
    pub reserve: u64,
}

impl Disk {
    /// One that has not been looked at.
    pub fn new(reserve: DiskReserve, source: Arc<dyn RoomSource>, ballast: Ballast) -> Disk {
        Disk { reserve, source, ballast, trouble: None }
    }

    /// Asks the disk, and gives the ballast up or makes it anew.
    pub fn look(&mut self) -> Look {
        let room = match self.source.room() {
            Ok(room) => room,
            Err(error) => {
                self.tell_trouble("the disk does not tell how much room it has", &error);
                return Look { room: None, reserve: self.reserve.bytes(u64::MAX) };
            }
        };
        let reserve = self.reserve.bytes(room.total_bytes);
        match self.keep_ballast(&Marks { reserve, quota: None }, room) {
            Ok(()) => self.trouble = None,
            Err(error) => self.tell_trouble("the ballast cannot be kept", &error),
        }
        Look { room: Some(room), reserve }
    }

    /// To be called before anything is opened, which may need what the ballast holds. A
    /// folder that turns out to be another's is not touched while there is room.
    pub fn make_room_for_opening(&mut self) {
        let Ok(room) = self.source.room() else { return };
        let marks = Marks { reserve: self.reserve.bytes(room.total_bytes), quota: None };
        if marks.is_last(room)
            && let Err(error) = self.ballast.give_up()
        {
            self.tell_trouble("the ballast cannot be given up", &error);
        }
    }

    /// Looks whenever it is asked to, on a thread of its own: a disk may take its time.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub fn attend(mut self) -> io::Result<Attendant> {
        let (ask, asked) = mpsc::channel::<oneshot::Sender<Look>>();
        let serve = move || {
            while let Ok(answer) = asked.recv() {
                // Whoever asked may have ended.
                let _ = answer.send(self.look());
            }
        };
        thread::Builder::new().name("balsa-space".to_owned()).spawn(serve)?;
        Ok(Attendant(ask))
    }

    fn keep_ballast(&self, marks: &Marks, room: Room) -> io::Result<()> {
        let (held, wanted) = (self.ballast.bytes()?, marks.ballast());
        if held > 0 && (marks.is_last(room) || wanted == 0) {
            self.ballast.give_up()?;
            let free_bytes = room.free_bytes;
            tracing::warn!(bytes = held, free_bytes, "ballast given up");
        } else if held != wanted && room.free_bytes + held >= 2 * marks.reserve + wanted {
            self.ballast.fill(wanted)?;
            tracing::debug!(bytes = wanted, "ballast made");
        }
        Ok(())
    }

    fn tell_trouble(&mut self, what: &'static str, error: &io::Error) {
        let trouble = Some(error.to_string());
        if self.trouble != trouble {
            tracing::warn!(what, %error, "the disk cannot be watched");
            self.trouble = trouble;
        }
    }
}

/// Asks the thread that looks; it ends when this is dropped.
pub struct Attendant(mpsc::Sender<oneshot::Sender<Look>>);

impl Attendant {
    /// Looks; `None` if the thread is gone.
    pub async fn look(&self) -> Option<Look> {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).ok()?;
        answered.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Told(Mutex<io::Result<u64>>);

    impl Told {
        fn tell(&self, told: io::Result<u64>) {
            *self.0.lock().unwrap() = told;
        }
    }

    impl RoomSource for Told {
        fn room(&self) -> io::Result<Room> {
            let told = self.0.lock().unwrap();
            let free_bytes = *told.as_ref().map_err(|error| error.kind())?;
            Ok(Room { free_bytes, total_bytes: 1 << 40 })
        }
    }

    #[tokio::test]
    async fn the_ballast_goes_with_the_last_room_and_comes_back() {
        let temp = tempfile::tempdir().unwrap();
        let ballast = || Ballast::new(temp.path());
        let told = Arc::new(Told(Mutex::new(Ok(1 << 30))));
        let reserve = DiskReserve::Bytes(64 << 10);
        let disk = Disk::new(reserve, Arc::clone(&told) as _, ballast()).attend().unwrap();
        for (free, held) in [
            ((160 << 10) - 1, 0),
            (160 << 10, 32 << 10),
            (16 << 10, 32 << 10),
            ((16 << 10) - 1, 0),
            (128 << 10, 0),
            (160 << 10, 32 << 10),
        ] {
            told.tell(Ok(free));
            let look = disk.look().await.unwrap();
            assert_eq!((look.room.unwrap().free_bytes, look.reserve), (free, 64 << 10));
            assert_eq!(ballast().bytes().unwrap(), held, "{free} bytes free");
        }
        for (free, held) in [(16 << 10, 32 << 10), (0, 0), (160 << 10, 0)] {
            told.tell(Ok(free));
            Disk::new(reserve, Arc::clone(&told) as _, ballast()).make_room_for_opening();
            assert_eq!(ballast().bytes().unwrap(), held, "opened with {free} bytes free");
        }
        disk.look().await.unwrap();
        told.tell(Err(io::ErrorKind::PermissionDenied.into()));
        assert_eq!(disk.look().await.unwrap(), Look { room: None, reserve: 64 << 10 });
        assert_eq!(ballast().bytes().unwrap(), 32 << 10, "it stays where nothing is known");

        let unwatched = DiskReserve::Bytes(0);
        told.tell(Ok(0));
        Disk::new(unwatched, Arc::clone(&told) as _, ballast()).look();
        assert_eq!(ballast().bytes().unwrap(), 0, "nobody wants it any more");
    }
}
