//! Ranges in pieces.

use balsa::api::Options;
use proto::etcdserverpb as wire;
use tonic::{Code, Status};

use super::support::{Served, get};

const KEYS: usize = 300;

async fn filled() -> Served {
    // Pieces stop growing at about 20 keys.
    let served = Served::with(Options { request_bytes: 2500, ..Options::default() }).await;
    for number in 0..KEYS {
        served.client.put(format!("k{number:03}"), vec![7; 100]).await.expect("it is written");
    }
    served
}

fn all() -> wire::RangeRequest {
    wire::RangeRequest { range_end: "l".into(), ..get("k") }
}

async fn pieces(
    served: &Served,
    request: wire::RangeRequest,
) -> Result<Vec<wire::RangeResponse>, Status> {
    let mut stream = served.kv().await.range_stream(request).await?.into_inner();
    let mut pieces = Vec::new();
    while let Some(piece) = stream.message().await? {
        pieces.push(piece.range_response.expect("a piece has a response"));
    }
    Ok(pieces)
}

#[tokio::test]
async fn the_pieces_together_are_the_range() {
    let served = filled().await;
    let whole = served.kv().await.range(all()).await.expect("it is read").into_inner();
    let pieces = pieces(&served, all()).await.expect("it is read");
    assert_eq!(pieces[0].kvs.len(), 10, "the first piece is small");
    assert!(pieces.len() > 10, "and there are many");
    let (last, others) = pieces.split_last().expect("there are some");
    for piece in others {
        assert_eq!((&piece.header, piece.count, piece.more), (&None, 0, false));
    }
    assert_eq!((last.count, last.more, &last.header), (KEYS as i64, false, &whole.header));
    let together: Vec<_> = pieces.into_iter().flat_map(|piece| piece.kvs).collect();
    assert_eq!(together, whole.kvs);
}

#[tokio::test]
async fn limits_counts_and_old_revisions_are_kept() {
    let served = filled().await;
    let limited = wire::RangeRequest { limit: 25, ..all() };
    let found = pieces(&served, limited).await.expect("it is read");
    assert_eq!(found.iter().map(|piece| piece.kvs.len()).collect::<Vec<_>>(), [10, 15]);
    assert_eq!((found[1].count, found[1].more), (KEYS as i64, true));
    let counted = wire::RangeRequest { count_only: true, ..all() };
    let found = pieces(&served, counted).await.expect("it is counted");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].count, found[0].kvs.len()), (KEYS as i64, 0));
    let old = wire::RangeRequest { revision: 12, ..all() };
    let found = pieces(&served, old).await.expect("it is read");
    let last = found.last().expect("there are some");
    assert_eq!(found.iter().map(|piece| piece.kvs.len()).sum::<usize>(), 11);
    assert_eq!(last.header.expect("a header").revision, KEYS as i64 + 1, "that of the store");
    let nothing = wire::RangeRequest { key: "x".into(), ..Default::default() };
    let found = pieces(&served, nothing).await.expect("it is read");
    assert_eq!((found.len(), found[0].count, found[0].header.is_some()), (1, 0, true));
}

#[tokio::test]
async fn what_cannot_be_streamed_is_refused() {
    let served = Served::start().await;
    let descending = wire::RangeRequest { sort_order: 2, ..all() };
    let refused = pieces(&served, descending).await.expect_err("it needs all keys");
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(refused.message(), "RangeStream does not support custom sort orders");
    let filtered = wire::RangeRequest { min_mod_revision: 1, ..all() };
    let refused = pieces(&served, filtered).await.expect_err("it needs all keys");
    assert_eq!(refused.message(), "RangeStream does not support revision filters");
    let future = wire::RangeRequest { revision: 99, ..all() };
    let refused = pieces(&served, future).await.expect_err("it is yet to come");
    assert_eq!(refused.code(), Code::OutOfRange);
}
