//! A state store in a map, which counts what it is asked for.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use raft_storage::{
    Checkpoint, Mutation, Order, Scan, SnapshotSink, SnapshotSource, Space, StateStore, StateView,
    StorageError,
};

pub type Rows = BTreeMap<(Space, Bytes), Bytes>;

/// Holds everything in one map; copies it when a view is held.
#[derive(Default)]
pub struct MapStore {
    pub state: Mutex<State>,
    /// How many rows all views have given so far; a look-up counts as one.
    pub reads: Arc<AtomicU64>,
}

#[derive(Default)]
pub struct State {
    pub rows: Arc<Rows>,
    durable: Arc<Rows>,
    installing: bool,
}

impl MapStore {
    fn view_of(&self, rows: &Arc<Rows>) -> Arc<dyn StateView> {
        Arc::new(MapView { rows: rows.clone(), reads: self.reads.clone() })
    }
}

impl StateStore for MapStore {
    fn view(&self) -> Arc<dyn StateView> {
        self.view_of(&self.state.lock().unwrap().rows)
    }

    fn commit(&self, batch: Vec<Mutation>) -> Result<(), StorageError> {
        let mut state = self.state.lock().unwrap();
        let rows = Arc::make_mut(&mut state.rows);
        for mutation in batch {
            match mutation {
                Mutation::Put(space, key, value) => rows.insert((space, key), value),
                Mutation::Delete(space, key) => rows.remove(&(space, key)),
            };
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), StorageError> {
        let mut state = self.state.lock().unwrap();
        state.durable = state.rows.clone();
        Ok(())
    }

    fn durable_get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        let key = (space, Bytes::copy_from_slice(key));
        Ok(self.state.lock().unwrap().durable.get(&key).cloned())
    }

    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>, StorageError> {
        let rows = self.state.lock().unwrap().rows.clone();
        Ok(Box::new(MapCheckpoint { view: self.view_of(&rows), rows }))
    }

    fn install(&self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError> {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = snapshot.next_chunk(1000)? {
            bytes.put_slice(&chunk.bytes);
        }
        let mut rows = Rows::new();
        while bytes.has_remaining() {
            let space = Space(bytes.get_u8());
            let (key, value) = (bytes.get_u32() as usize, bytes.get_u32() as usize);
            let key = bytes.split_to(key).freeze();
            rows.insert((space, key), bytes.split_to(value).freeze());
        }
        let rows = Arc::new(rows);
        let durable = rows.clone();
        *self.state.lock().unwrap() = State { rows, durable, installing: true };
        Ok(())
    }

    fn install_unfinished(&self) -> bool {
        self.state.lock().unwrap().installing
    }

    fn finish_install(&self) -> Result<(), StorageError> {
        self.state.lock().unwrap().installing = false;
        Ok(())
    }

    fn size_bytes(&self) -> u64 {
        let state = self.state.lock().unwrap();
        state.rows.iter().map(|((_, key), value)| (key.len() + value.len()) as u64).sum()
    }
}

struct MapView {
    rows: Arc<Rows>,
    reads: Arc<AtomicU64>,
}

impl StateView for MapView {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.rows.get(&(space, Bytes::copy_from_slice(key))).cloned())
    }

    fn scan<'a>(
        &'a self,
        space: Space,
        start: &[u8],
        end: Option<&[u8]>,
        order: Order,
    ) -> Scan<'a> {
        if end.is_some_and(|end| end <= start) {
            return Box::new(std::iter::empty());
        }
        let start = Bound::Included((space, Bytes::copy_from_slice(start)));
        let end = match end {
            Some(end) => Bound::Excluded((space, Bytes::copy_from_slice(end))),
            None => Bound::Excluded((Space(space.0 + 1), Bytes::new())),
        };
        let rows = self.rows.range((start, end)).map(|((_, key), value)| {
            self.reads.fetch_add(1, Ordering::Relaxed);
            Ok((key.clone(), value.clone()))
        });
        match order {
            Order::Ascending => Box::new(rows),
            Order::Descending => Box::new(rows.rev()),
        }
    }
}

struct MapCheckpoint {
    rows: Arc<Rows>,
    view: Arc<dyn StateView>,
}

impl Checkpoint for MapCheckpoint {
    fn write(
        self: Box<Self>,
        sink: &mut dyn SnapshotSink,
    ) -> Result<Arc<dyn StateView>, StorageError> {
        sink.begin_file("rows")?;
        for ((space, key), value) in self.rows.iter() {
            let mut row = BytesMut::new();
            row.put_u8(space.0);
            row.put_u32(key.len() as u32);
            row.put_u32(value.len() as u32);
            row.put_slice(key);
            row.put_slice(value);
            sink.write(&row)?;
        }
        Ok(self.view)
    }
}
