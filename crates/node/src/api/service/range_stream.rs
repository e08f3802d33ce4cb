//! A range in pieces: for answers that would be too large for one message, or too
//! much to hold at once.
//!
//! All pieces show one revision. The first is small, so that something comes soon;
//! later ones grow towards the size of a request. Header, count and whether there
//! is more come with the last one, because only then they are known.

use std::sync::Arc;

use kv_statemachine::{RangeRequest, RangeResponse, SortOrder, SortTarget};
use proto::etcdserverpb as wire;
use tokio::sync::mpsc;
use tonic::Status;
use tonic::codegen::BoxStream;
use tonic::codegen::tokio_stream::StreamExt as _;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;

use super::Context;
use crate::Consistency;
use crate::api::gate::{Held, Unread};
use crate::api::{convert, status};

/// Keys in the first piece.
const FIRST_KEYS: i64 = 10;
/// Pieces that wait for a slow client. It holds no more than these, and reading
/// stands still meanwhile.
const WAITING: usize = 2;

/// The pieces of one answer.
pub type Chunks = BoxStream<wire::RangeStreamResponse>;

/// A piece that waits, and counts as unread while it does.
type Waiting = (Result<wire::RangeStreamResponse, Status>, Option<Held>);

/// Answers a range in pieces.
pub fn answer(
    context: Context,
    request: wire::RangeRequest,
    unread: Arc<Unread>,
) -> Result<Chunks, Status> {
    let is_serializable = request.serializable;
    let consistency =
        if is_serializable { Consistency::Serializable } else { Consistency::Linearizable };
    let mut request = convert::range(request).map_err(status::of_kv_error)?;
    check(&request)?;
    request.sort_target = SortTarget::Key;
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        // A client that is gone ends it, at once if it waits for the client.
        tokio::select! {
            () = send_pieces(&context, request, consistency, &unread, &sender) => {}
            () = sender.closed() => {}
        }
    });
    Ok(Box::pin(ReceiverStream::new(receiver).map(|(piece, _held): Waiting| piece)))
}

/// Refuses what would need all keys at once.
fn check(request: &RangeRequest) -> Result<(), Status> {
    let is_in_order = match request.sort_order {
        SortOrder::None => true,
        SortOrder::Ascend => request.sort_target == SortTarget::Key,
        SortOrder::Descend => false,
    };
    if !is_in_order {
        return Err(Status::unimplemented("RangeStream does not support custom sort orders"));
    }
    let filters = [
        request.min_mod_revision,
        request.max_mod_revision,
        request.min_create_revision,
        request.max_create_revision,
    ];
    if filters.iter().any(|revision| *revision != 0) {
        return Err(Status::unimplemented("RangeStream does not support revision filters"));
    }
    Ok(())
}

async fn send_pieces(
    context: &Context,
    request: RangeRequest,
    consistency: Consistency,
    unread: &Arc<Unread>,
    sender: &mpsc::Sender<Waiting>,
) {
    let mut pieces = Pieces::new(context, request);
    loop {
        // Only the first has to look at the others: the later ones show its revision.
        let consistency = if pieces.began() { Consistency::Serializable } else { consistency };
        let turn = context.begin_read(unread, false).await;
        let (piece, turn) = match turn {
            Ok(turn) => (pieces.next(consistency).await, turn),
            Err(full) => (Err(full), None),
        };
        let is_last = !matches!(piece, Ok((_, false)));
        let piece =
            piece.map(|(piece, _)| wire::RangeStreamResponse { range_response: Some(piece) });
        let held = piece.as_ref().ok().map(|piece| context.hold(piece, unread));
        drop(turn);
        if sender.send((piece, held)).await.is_err() || is_last {
            return;
        }
    }
}

/// Where a range in pieces is.
struct Pieces<'a> {
    context: &'a Context,
    request: RangeRequest,
    /// Keys that may yet come.
    left: i64,
    /// Keys that came.
    sent: i64,
    /// The store's revision when it began; 0 before.
    began_at: i64,
    /// How many keys the whole range holds.
    count: i64,
}

impl Pieces<'_> {
    fn new(context: &Context, mut request: RangeRequest) -> Pieces<'_> {
        let left = if request.limit > 0 { request.limit } else { i64::MAX };
        request.limit = FIRST_KEYS.min(left);
        Pieces { context, request, left, sent: 0, began_at: 0, count: 0 }
    }

    fn began(&self) -> bool {
        self.began_at != 0
    }

    /// The next piece, and whether it is the last one.
    async fn next(
        &mut self,
        consistency: Consistency,
    ) -> Result<(wire::RangeResponse, bool), Status> {
        let answer = self.context.client.range(self.request.clone(), consistency).await;
        let answer = answer.map_err(|error| status::of_error(&error))?;
        if !self.began() {
            self.context.metrics.count_range();
            self.began_at = answer.revision;
            self.count = answer.count;
            if self.request.revision <= 0 {
                self.request.revision = answer.revision;
            }
        }
        let keys = answer.kvs.len() as i64;
        self.sent += keys;
        self.left -= keys;
        let is_last = self.request.count_only || !answer.more || self.left <= 0;
        if !is_last {
            self.go_on(&answer);
        }
        let piece = wire::RangeResponse {
            header: is_last.then(|| self.context.header(self.began_at)),
            more: is_last && answer.more,
            count: if is_last { self.count } else { 0 },
            kvs: convert::key_values(answer.kvs),
        };
        Ok((piece, is_last))
    }

    /// Goes on behind the last key, with a limit that brings a piece nearer to the
    /// size that it aims at.
    fn go_on(&mut self, answer: &RangeResponse) {
        let Some(last) = answer.kvs.last() else { return };
        let mut next = last.key.to_vec();
        next.push(0);
        self.request.range.key = next.into();
        let bytes: usize = answer.kvs.iter().map(|kv| kv.key.len() + kv.value.len()).sum();
        self.request.limit =
            next_limit(self.request.limit, bytes, self.context.chunk_bytes).min(self.left);
    }
}

/// Twice or half as many keys where the last piece was far from the aim.
fn next_limit(limit: i64, bytes: usize, aim: usize) -> i64 {
    if bytes < aim / 2 {
        limit.saturating_mul(2)
    } else if bytes / 2 > aim {
        (limit / 2).max(1)
    } else {
        limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_grow_and_shrink_towards_the_aim() {
        assert_eq!(next_limit(10, 100, 1000), 20);
        assert_eq!(next_limit(10, 700, 1000), 10);
        assert_eq!(next_limit(10, 2500, 1000), 5);
        assert_eq!(next_limit(1, 2500, 1000), 1, "never none");
    }

    #[test]
    fn what_needs_all_keys_is_refused() {
        let descending = RangeRequest { sort_order: SortOrder::Descend, ..RangeRequest::default() };
        let by_value = RangeRequest {
            sort_order: SortOrder::Ascend,
            sort_target: SortTarget::Value,
            ..RangeRequest::default()
        };
        let filtered = RangeRequest { max_mod_revision: 1, ..RangeRequest::default() };
        for request in [descending, by_value, filtered] {
            let refused = check(&request).expect_err("it cannot be done in pieces");
            assert_eq!(refused.code(), tonic::Code::Unimplemented);
        }
        assert!(check(&RangeRequest::default()).is_ok());
    }
}
