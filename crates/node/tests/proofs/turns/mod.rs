//! Where the microseconds of one write go.
//!
//! Three idle nodes tell of every turn of their threads (`BALSA_TRACE=turns`). One
//! write after the other is made, each when the one before it is applied everywhere,
//! and their turns are laid beside each other. The picture in `ARCHITECTURE.md` is
//! what this prints.

mod picture;
mod trace;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::etcdserverpb::PutRequest;

use self::picture::Picture;
use self::trace::{Trace, Turn};
use super::harness::{LIMIT, ONE_CALL, Town};

/// How many writes are looked at.
const WRITES: usize = 40;

/// How many come before them: connections and caches are cold.
const WARM_UP: usize = 100;

/// How often it is looked whether all nodes have applied a write.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// One write on three idle nodes: one turn of each log, that is one sync, and the
/// leader's and a follower's go on at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_one_sync_a_node_side_by_side() {
    let mut town = Town::start_with_env(3, &[], &[("BALSA_TRACE", "turns".into())]).await;
    let leader = town.wait_leader().await;
    let mut connection = town.connection(leader);
    for number in 0..WARM_UP {
        connection.put(put(number), ONE_CALL).await.expect("the leader writes");
    }
    let mut trace = Trace::open(&town, leader);
    let mut writes = Vec::new();
    for number in WARM_UP..WARM_UP + WRITES {
        let sent = now_us();
        connection.put(put(number), ONE_CALL).await.expect("the leader writes");
        let answered = now_us();
        writes.push(Write { sent, answered, turns: applied_on_all(&mut trace, sent).await });
    }
    writes.sort_by_key(|write| write.answered - write.sent);
    let median = &writes[WRITES / 2];
    println!("{}", Picture { sent: median.sent, answered: median.answered, turns: &median.turns });

    let single = writes.iter().filter(|write| write.has_one_sync_a_node()).count();
    let overlapping = writes.iter().filter(|write| write.syncs_overlap()).count();
    println!(
        "{WRITES} writes: {single} with one sync a node, {overlapping} with syncs that overlap"
    );
    // What else the machine does may hold up a thread or a frame now and then.
    assert!(single * 10 >= WRITES * 9, "{single} of {WRITES} writes have one sync a node");
    assert!(overlapping * 2 > WRITES, "syncs overlap in {overlapping} of {WRITES} writes");
}

/// A write and the turns from its sending until it is applied everywhere.
struct Write {
    sent: u64,
    answered: u64,
    turns: Vec<Turn>,
}

impl Write {
    fn has_one_sync_a_node(&self) -> bool {
        (0..3).all(|node| self.syncs().filter(|sync| sync.node == node).count() == 1)
    }

    /// Whether the leader's goes on during a follower's.
    fn syncs_overlap(&self) -> bool {
        let own = self.syncs().find(|sync| sync.node == 0);
        own.is_some_and(|own| self.syncs().any(|sync| sync.node != 0 && sync.overlaps(own)))
    }

    fn syncs(&self) -> impl Iterator<Item = &Turn> {
        self.turns.iter().filter(|turn| turn.worker == "Log")
    }
}

/// Waits until every node has applied what was sent then, and returns the turns from
/// then until the last of them did.
async fn applied_on_all(trace: &mut Trace, sent: u64) -> Vec<Turn> {
    let began = std::time::Instant::now();
    loop {
        let mut turns = trace.turns_since(sent);
        let has_applied =
            |node| turns.iter().any(|turn| turn.node == node && turn.worker == "Apply");
        if (0..3).all(has_applied) {
            let last = turns.iter().rposition(|turn| turn.worker == "Apply");
            turns.truncate(last.map_or(0, |last| last + 1));
            return turns;
        }
        assert!(began.elapsed() < LIMIT, "a write is not applied everywhere: {turns:#?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn put(number: usize) -> PutRequest {
    let key = format!("traced {number}").into();
    PutRequest { key, value: "value".into(), ..PutRequest::default() }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    u64::try_from(since.as_micros()).expect("it is before the year 500000")
}
