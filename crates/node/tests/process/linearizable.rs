//! Reads and writes of a few keys over all nodes are linearizable, whatever happens
//! to the nodes and the network between them (Herlihy and Wing, 1990).
//!
//! Every answer carries the revision at which it took effect, so no order has to be
//! searched for: the revisions are the order, and it is checked that clocks and
//! values agree with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench::client::Connection;
use bytes::Bytes;
use proto::etcdserverpb::{PutRequest, RangeRequest};
use tokio::task::JoinSet;

use super::harness::{Network, Town};

/// How long the history is.
const LASTS: Duration = Duration::from_secs(60);

const CLIENTS: u64 = 8;
const KEYS: u64 = 4;

/// The longest that a client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long each fault stays, and how long there is none.
const FAULT: Duration = Duration::from_millis(1_500);
const PEACE: Duration = Duration::from_millis(500);

/// A call that was answered. One that was not is no part of the history: a write
/// may have taken place, at a revision that nobody was told.
#[derive(Clone, Debug)]
struct Call {
    key: u64,
    began: Duration,
    ended: Duration,
    revision: i64,
    done: Done,
}

#[derive(Clone, Debug)]
enum Done {
    Put {
        value: u64,
    },
    /// What was found, with the revision at which it was written.
    Got(Option<(u64, i64)>),
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_with_kills_pauses_and_partitions_is_linearizable() {
    let mut town = Town::start(3, &[]).await;
    let network = Network::between(&mut town).await;
    let (stops, values) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(1)));
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let connections: Vec<_> = (0..town.size()).map(|node| town.connection(node)).collect();
        clients.spawn(use_keys(client, connections, began, stops.clone(), values.clone()));
    }
    let mut faults = 0;
    while began.elapsed() < LASTS {
        disturb(&mut town, &network, faults).await;
        faults += 1;
        tokio::time::sleep(PEACE).await;
    }
    stops.store(true, Ordering::Relaxed);
    let calls = clients.join_all().await.concat();
    let puts = calls.iter().filter(|call| matches!(call.done, Done::Put { .. })).count();
    println!("{} calls were answered, {puts} of them puts, beside {faults} faults", calls.len());
    assert!(puts > 1_000 && calls.len() - puts > 1_000, "there is little to check");
    check(&calls).expect("it is linearizable");
}

/// One fault after the other: whatever node is hit leads about every other time.
async fn disturb(town: &mut Town, network: &Network, number: usize) {
    let leader = town.wait_leader().await;
    let node = if number.is_multiple_of(2) { leader } else { (leader + 1) % town.size() };
    match number % 4 {
        0 => town.kill_node(node),
        1 => network.part(&[node]),
        2 => town.process(node).pause().expect("it can be halted"),
        _ => network.cut(node, (node + 1) % town.size()),
    }
    tokio::time::sleep(FAULT).await;
    if number % 4 == 2 {
        town.process(node).resume().expect("it goes on");
    }
    network.heal();
    town.start_all().await;
}

async fn use_keys(
    client: u64,
    mut connections: Vec<Connection>,
    start: Instant,
    stops: Arc<AtomicBool>,
    values: Arc<AtomicU64>,
) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut node = client as usize;
    for number in client.. {
        if stops.load(Ordering::Relaxed) {
            break;
        }
        let at = node % connections.len();
        let connection = &mut connections[at];
        // Neighbours use different keys at first and meet on all of them.
        let key = (number * 7 + client) % KEYS;
        let began = start.elapsed();
        let name = Bytes::from(format!("key {key}"));
        let answer = if number % 2 == 0 {
            let value = values.fetch_add(1, Ordering::Relaxed);
            put(connection, name, value).await
        } else {
            get(connection, name).await
        };
        match answer {
            Some((revision, done)) => {
                calls.push(Call { key, began, ended: start.elapsed(), revision, done });
            }
            None => node += 1,
        }
    }
    calls
}

async fn put(connection: &mut Connection, key: Bytes, value: u64) -> Option<(i64, Done)> {
    let put = PutRequest { key, value: value.to_string().into(), ..PutRequest::default() };
    let answer = connection.put(put, PATIENCE).await.ok()?;
    Some((answer.header?.revision, Done::Put { value }))
}

async fn get(connection: &mut Connection, key: Bytes) -> Option<(i64, Done)> {
    let range = RangeRequest { key, ..RangeRequest::default() };
    let answer = connection.range(range, PATIENCE).await.ok()?;
    let found = answer.kvs.first().map(|pair| {
        let value = std::str::from_utf8(&pair.value).ok().and_then(|text| text.parse().ok());
        (value.expect("values are numbers"), pair.mod_revision)
    });
    Some((answer.header?.revision, Done::Got(found)))
}

/// Whether the order of revisions is one in which all calls could have happened, one
/// after the other, each between its beginning and its end.
fn check(calls: &[Call]) -> Result<(), String> {
    // What each revision wrote, as far as anybody was told.
    let mut written: BTreeMap<(u64, i64), u64> = BTreeMap::new();
    let mut revisions: BTreeMap<i64, &Call> = BTreeMap::new();
    for call in calls {
        let (revision, value) = match call.done {
            Done::Put { value } => {
                if let Some(other) = revisions.insert(call.revision, call) {
                    return Err(format!("one revision for two writes: {other:?} and {call:?}"));
                }
                (call.revision, value)
            }
            Done::Got(Some((value, revision))) => (revision, value),
            Done::Got(None) => continue,
        };
        let known = written.insert((call.key, revision), value);
        if known.is_some_and(|known| known != value) {
            return Err(format!("somebody else was told another value: {call:?}"));
        }
    }
    check_values(calls, &written)?;
    check_clocks(calls)
}

/// A read finds the last write of its key at its revision.
fn check_values(calls: &[Call], written: &BTreeMap<(u64, i64), u64>) -> Result<(), String> {
    for call in calls {
        let Done::Got(found) = &call.done else { continue };
        let last = written.range((call.key, 0)..=(call.key, call.revision)).next_back();
        let last = last.map(|((_, revision), value)| (*value, *revision));
        if last != *found {
            return Err(format!("{call:?} should have found {last:?}"));
        }
    }
    Ok(())
}

/// Who begins after somebody's end sees at least what that one saw, and writes later.
fn check_clocks(calls: &[Call]) -> Result<(), String> {
    let mut ends: Vec<&Call> = calls.iter().collect();
    ends.sort_by_key(|call| call.ended);
    let mut begins = ends.clone();
    begins.sort_by_key(|call| call.began);
    let (mut ended, mut newest) = (ends.into_iter().peekable(), None::<&Call>);
    for call in begins {
        while let Some(before) = ended.next_if(|before| before.ended < call.began) {
            if newest.is_none_or(|newest| newest.revision < before.revision) {
                newest = Some(before);
            }
        }
        let Some(newest) = newest else { continue };
        let is_new = matches!(call.done, Done::Put { .. });
        if call.revision < newest.revision || is_new && call.revision == newest.revision {
            return Err(format!("{call:?} came after {newest:?} had ended"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(began: u64, ended: u64, revision: i64, done: Done) -> Call {
        let [began, ended] = [began, ended].map(Duration::from_millis);
        Call { key: 1, began, ended, revision, done }
    }

    fn put(began: u64, ended: u64, revision: i64) -> Call {
        call(began, ended, revision, Done::Put { value: revision as u64 })
    }

    fn got(began: u64, ended: u64, revision: i64, written: i64) -> Call {
        call(began, ended, revision, Done::Got(Some((written as u64, written))))
    }

    #[test]
    fn a_good_history_passes() {
        let blank = call(0, 1, 1, Done::Got(None));
        let of_an_unknown_write = got(40, 50, 4, 4);
        let calls = [blank, put(5, 20, 2), got(10, 15, 2, 2), put(18, 30, 3), of_an_unknown_write];
        check(&calls).expect("each call fits between its beginning and its end");
    }

    #[test]
    fn bad_histories_are_rejected() {
        let bad: [(&str, Vec<Call>); 6] = [
            ("a stale read", vec![put(0, 1, 2), put(2, 3, 3), got(4, 5, 2, 2)]),
            ("a read of the past", vec![put(0, 1, 2), put(2, 3, 3), got(4, 5, 3, 2)]),
            ("a lost write", vec![put(0, 1, 2), call(2, 3, 2, Done::Got(None))]),
            ("a write that went back", vec![put(0, 1, 5), put(2, 3, 4)]),
            ("two writes in one place", vec![put(0, 1, 2), put(0, 1, 2)]),
            ("two values", vec![put(0, 1, 2), call(0, 1, 2, Done::Got(Some((9, 2))))]),
        ];
        for (name, calls) in bad {
            check(&calls).expect_err(name);
        }
    }
}
