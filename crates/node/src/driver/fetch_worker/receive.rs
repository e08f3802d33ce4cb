//! Snapshots that come in.

use std::collections::BTreeMap;

use raft_core::{Event, NodeId, SnapshotMeta, Term, TransferId};
use raft_net::{Frame, FrameBody, Progress, SnapshotChunk, SnapshotHeader, SnapshotProgress};
use raft_storage::{ChunkSink, SnapshotStore};

use crate::driver::queues::{Notice, Output};

/// What is being received, and what was received and waits for the core's word.
#[derive(Default)]
pub(super) struct Reception {
    current: Option<Receiving>,
    /// Whole ones, by sender, with their number of chunks. While one lies here
    /// nothing else is received from its sender, for that would drop it.
    whole: BTreeMap<NodeId, (TransferId, u64)>,
}

struct Receiving {
    from: NodeId,
    id: TransferId,
    term: Term,
    meta: SnapshotMeta,
    sink: Box<dyn ChunkSink>,
    /// The number of the chunk that comes next.
    next: u64,
}

impl Reception {
    /// A peer begins a snapshot, or asks where this node is with it.
    pub(super) fn on_header<R>(
        &mut self,
        from: NodeId,
        header: SnapshotHeader,
        store: &dyn SnapshotStore,
        out: &mut Output<R>,
    ) {
        let id = header.id;
        match self.whole.get(&from) {
            Some((whole, chunks)) if *whole == id => {
                report(from, id, *chunks, Progress::Complete, out);
                return;
            }
            Some(_) => {
                report(from, id, 0, Progress::Failed, out);
                return;
            }
            None => {}
        }
        if let Some(current) = &mut self.current {
            if current.from == from && current.id == id {
                current.term = current.term.max(header.term);
                report(from, id, current.next, Progress::Receiving, out);
                return;
            }
            // A later leader's snapshot is the one that counts.
            if current.from != from && current.term >= header.term {
                report(from, id, 0, Progress::Failed, out);
                return;
            }
        }
        self.drop_current(store, out);
        match store.receive(from, id, header.meta.clone()) {
            Ok(sink) => {
                let SnapshotHeader { term, meta, .. } = header;
                self.current = Some(Receiving { from, id, term, meta, sink, next: 0 });
                report(from, id, 0, Progress::Receiving, out);
            }
            Err(error) => {
                out.world.notices.push(Notice::Failed { what: "receive a snapshot", error });
                report(from, id, 0, Progress::Failed, out);
            }
        }
    }

    /// A piece came in. Pieces count in order only; one that was lost is sent again
    /// when the sender asks.
    pub(super) fn on_chunk<R>(
        &mut self,
        from: NodeId,
        chunk: SnapshotChunk,
        store: &dyn SnapshotStore,
        out: &mut Output<R>,
    ) {
        let id = chunk.id;
        let is_current = |current: &&mut Receiving| (current.from, current.id) == (from, id);
        let Some(current) = self.current.as_mut().filter(is_current) else { return };
        if chunk.number > current.next {
            return;
        }
        if chunk.number < current.next {
            report(from, id, current.next, Progress::Receiving, out);
            return;
        }
        if let Err(error) = current.sink.write(&chunk.chunk) {
            out.world.notices.push(Notice::Failed { what: "receive a snapshot", error });
            self.drop_current(store, out);
            report(from, id, 0, Progress::Failed, out);
            return;
        }
        current.next += 1;
        if chunk.chunk.ends_snapshot {
            self.finish(out);
        } else {
            report(from, id, current.next, Progress::Receiving, out);
        }
    }

    /// A whole snapshot is not needed, or has become one of the own ones.
    pub(super) fn forget(&mut self, from: NodeId, id: TransferId) {
        if self.whole.get(&from).is_some_and(|(whole, _)| *whole == id) {
            self.whole.remove(&from);
        }
    }

    fn finish<R>(&mut self, out: &mut Output<R>) {
        let Some(Receiving { from, id, term, meta, sink, next }) = self.current.take() else {
            return;
        };
        match sink.finish() {
            Ok(()) => {
                self.whole.insert(from, (id, next));
                out.completions.push(Event::SnapshotReceived { from, term, id, meta });
                report(from, id, next, Progress::Complete, out);
            }
            Err(error) => {
                out.world.notices.push(Notice::Failed { what: "complete a snapshot", error });
                report(from, id, 0, Progress::Failed, out);
            }
        }
    }

    fn drop_current<R>(&mut self, store: &dyn SnapshotStore, out: &mut Output<R>) {
        let Some(Receiving { from, id, sink, .. }) = self.current.take() else { return };
        drop(sink);
        if let Err(error) = store.discard(from, id) {
            out.world.notices.push(Notice::Failed { what: "drop a part of a snapshot", error });
        }
    }
}

fn report<R>(to: NodeId, id: TransferId, chunks: u64, progress: Progress, out: &mut Output<R>) {
    let body = FrameBody::SnapshotProgress(SnapshotProgress { id, chunks, progress });
    out.world.frames.push((to, Frame::new(body)));
}
