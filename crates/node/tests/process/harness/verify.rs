//! Asks every node for everything that was acknowledged.

use std::collections::BTreeMap;

use bytes::Bytes;
use proto::etcdserverpb::{HashKvResponse, RangeRequest};
use tonic::Status;

use super::load::PREFIX;
use super::{LIMIT, ONE_CALL, Record, Town};

/// How many keys are read at once.
const PAGE: i64 = 5_000;

impl Town {
    /// Every acknowledged write is on each node, nothing else is, and all nodes
    /// have the same hash at the same revision. That is asked of the nodes that run;
    /// they are given time to catch up.
    pub async fn verify(&mut self, record: &Record) {
        let revision = self.revision_on_all().await;
        let mut hashes = Vec::new();
        for node in self.running() {
            let store = self.read_all(node, revision).await;
            let wrong = record.compare(&store);
            assert!(
                wrong.is_empty(),
                "node {} of {} writes acknowledged and {} unknown:\n  {}",
                node + 1,
                record.acknowledged(),
                record.unknown(),
                wrong.join("\n  ")
            );
            hashes.push(self.hash(node, revision).await);
        }
        let of = |hash: &HashKvResponse| (hash.hash, hash.compact_revision, hash.hash_revision);
        assert!(
            hashes.iter().all(|hash| of(hash) == of(&hashes[0])),
            "hash, compact revision and revision differ: {:?}",
            hashes.iter().map(of).collect::<Vec<_>>()
        );
    }

    /// What the first node that runs misses of what was acknowledged, or has that it should
    /// not have, the first few: for a test that wants something to be lost.
    pub async fn missing(&mut self, record: &Record) -> Vec<String> {
        let revision = self.revision_on_all().await;
        let first = self.running()[0];
        record.compare(&self.read_all(first, revision).await)
    }

    /// A revision that each node has applied: after a linearizable read a node
    /// knows all that was acknowledged before.
    async fn revision_on_all(&mut self) -> i64 {
        let mut newest = 0;
        for node in self.running() {
            let mut connection = self.connection(node);
            let revision = self
                .until("a linearizable read on each node", LIMIT, async |_| {
                    let request = RangeRequest { key: PREFIX.into(), ..RangeRequest::default() };
                    let answer = connection.range(request, ONE_CALL).await?;
                    answer.header.map(|header| Some(header.revision)).ok_or_else(no_header)
                })
                .await
                .expect("each node serves reads");
            newest = newest.max(revision);
        }
        for node in self.running() {
            let mut connection = self.connection(node);
            self.until("the newest revision on each node", LIMIT, async |_| {
                let request = RangeRequest {
                    key: PREFIX.into(),
                    serializable: true,
                    ..RangeRequest::default()
                };
                let answer = connection.range(request, ONE_CALL).await?;
                let revision = answer.header.ok_or_else(no_header)?.revision;
                Ok((revision >= newest).then_some(()))
            })
            .await
            .expect("each node catches up");
        }
        newest
    }

    /// All that loads wrote, from the node's own store as it was at a revision.
    async fn read_all(&self, node: usize, revision: i64) -> BTreeMap<Bytes, Bytes> {
        let mut connection = self.connection(node);
        let mut store = BTreeMap::new();
        let mut key = Bytes::from(PREFIX);
        // The slash's successor: what ends all keys with the prefix.
        let range_end = Bytes::from(PREFIX.replace('/', "0"));
        loop {
            let request = RangeRequest {
                key: key.clone(),
                range_end: range_end.clone(),
                limit: PAGE,
                revision,
                serializable: true,
                ..RangeRequest::default()
            };
            let page = connection.range(request, ONE_CALL).await.expect("a node reads its store");
            let has_more = page.more;
            let twice = page.kvs.iter().find(|pair| pair.version != 1);
            assert_eq!(twice, None, "each key is written once, and so each write took place once");
            store.extend(page.kvs.into_iter().map(|pair| (pair.key, pair.value)));
            if !has_more {
                return store;
            }
            let (last, _) = store.last_key_value().expect("a page before the last has keys");
            key = [last.as_ref(), b"\0"].concat().into();
        }
    }

    async fn hash(&self, node: usize, revision: i64) -> HashKvResponse {
        let mut connection = self.connection(node);
        connection.hash_kv(revision, LIMIT).await.expect("a node hashes its store")
    }
}

fn no_header() -> Status {
    Status::internal("the answer has no header")
}
