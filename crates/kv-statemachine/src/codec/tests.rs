use raft_core::{EntryKind, Incarnation, Index, NodeId, Term};

use super::*;
use crate::command::{MemberAttributes, Operation, RequestId};
use crate::request::{CompactRequest, PutRequest};
use crate::testing::{Rng, random};

fn entry(format: u8, payload: Bytes) -> Entry {
    Entry { term: Term(3), index: Index(7), kind: EntryKind::COMMAND, format, payload }
}

#[test]
fn commands_come_back() {
    let mut commands = vec![
        Command {
            request_id: Some(RequestId {
                node: NodeId(1),
                incarnation: Incarnation(u64::MAX),
                counter: 9,
            }),
            operation: Operation::Compact(CompactRequest { revision: -3 }),
        },
        Command::new(Operation::SetMemberAttributes {
            member: NodeId(u64::MAX),
            attributes: MemberAttributes {
                name: "a".to_owned(),
                client_urls: vec!["http://a:2379".to_owned(), String::new()],
            },
        }),
        Command::new(Operation::Put(PutRequest::default())),
    ];
    let mut rng = Rng::new(1);
    for _ in 0..500 {
        commands.push(Command::new(random::operation(&mut rng, 10)));
    }
    for command in commands {
        let decoded = decode(&entry(FORMAT, encode(&command))).expect("a known format");
        assert_eq!(decoded, Ok(command));
    }
}

#[test]
fn an_id_is_put_into_an_encoded_command() {
    let id = RequestId { node: NodeId(1), incarnation: Incarnation(u64::MAX), counter: 9 };
    let mut rng = Rng::new(3);
    for _ in 0..500 {
        let command = Command::new(random::operation(&mut rng, 10));
        let payload = with_request_id(encode(&command), id);
        let decoded = decode(&entry(FORMAT, payload)).expect("a known format");
        assert_eq!(decoded, Ok(Command { request_id: Some(id), ..command }));
    }
}

#[test]
fn unknown_formats_and_operations_stop_the_node() {
    let put = encode(&Command::new(Operation::Put(PutRequest::of("a", "b"))));
    let error = decode(&entry(2, put)).unwrap_err().to_string();
    assert!(error.contains("7@3") && error.contains("format 2"), "{error}");
    assert!(error.contains("upgrade this node"), "{error}");
    // Field 99, of no operation that there is.
    let error = decode(&entry(FORMAT, Bytes::from_static(&[0x9a, 6, 0]))).unwrap_err().to_string();
    assert!(error.contains("operation") && error.contains("upgrade this node"), "{error}");
}

#[test]
fn broken_bytes_are_an_error_reply() {
    let mut rng = Rng::new(2);
    for _ in 0..2000 {
        let good = encode(&Command::new(random::operation(&mut rng, 10)));
        let mut bytes = good.to_vec();
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << rng.below(8);
        bytes.truncate(bytes.len() - rng.below(2) as usize);
        // Whatever comes of it, it is an answer.
        let _answer = decode(&entry(FORMAT, bytes.into()));
    }
    let decoded = decode(&entry(FORMAT, Bytes::from_static(b"\xff"))).expect("a known format");
    assert_eq!(decoded, Err(KvError::BadCommand));
}

/// The bytes are in people's logs: they never change.
#[test]
fn golden_bytes() {
    let id = RequestId { node: NodeId(1), incarnation: Incarnation(2), counter: 3 };
    let command = Command {
        request_id: Some(id),
        operation: Operation::Put(PutRequest { prev_kv: true, ..PutRequest::of("k", "v") }),
    };
    let hex: String = encode(&command).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "0a1409010000000000000011020000000000000018031208".to_owned() + "0a016b1201762001"
    );
}
