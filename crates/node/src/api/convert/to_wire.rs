//! Responses.

use kv_statemachine::{
    DeleteRangeResponse, KeyValue, PutResponse, RangeResponse, ResponseOp, TxnResponse,
};
use proto::etcdserverpb as wire;
use proto::mvccpb;
use wire::response_op::Response;

use crate::{Alarm, Header, MemberStatus};

/// The header of an answer at a revision.
pub fn header(header: Header, revision: i64) -> wire::ResponseHeader {
    wire::ResponseHeader {
        cluster_id: header.cluster,
        member_id: header.member.0,
        revision,
        raft_term: header.term.0,
    }
}

/// An alarm.
pub fn alarm(alarm: Alarm) -> wire::AlarmMember {
    // A number of etcd's or not, it is told as it was given.
    wire::AlarmMember { member_id: alarm.member.0, alarm: alarm.kind.0.cast_signed() }
}

/// Keys with all that is known of them.
pub fn key_values(kvs: Vec<KeyValue>) -> Vec<mvccpb::KeyValue> {
    kvs.into_iter().map(key_value).collect()
}

/// The answer to a range.
pub fn range_response(
    response: RangeResponse,
    header: wire::ResponseHeader,
) -> wire::RangeResponse {
    wire::RangeResponse {
        header: Some(header),
        kvs: key_values(response.kvs),
        more: response.more,
        count: response.count,
    }
}

/// The answer to a put.
pub fn put_response(response: PutResponse, header: wire::ResponseHeader) -> wire::PutResponse {
    wire::PutResponse { header: Some(header), prev_kv: response.prev_kv.map(key_value) }
}

/// The answer to a deletion.
pub fn delete_range_response(
    response: DeleteRangeResponse,
    header: wire::ResponseHeader,
) -> wire::DeleteRangeResponse {
    wire::DeleteRangeResponse {
        header: Some(header),
        deleted: response.deleted,
        prev_kvs: key_values(response.prev_kvs),
    }
}

/// The answer to a transaction.
pub fn txn_response(response: TxnResponse, header: wire::ResponseHeader) -> wire::TxnResponse {
    wire::TxnResponse {
        header: Some(header),
        succeeded: response.succeeded,
        responses: response.responses.into_iter().map(step).collect(),
    }
}

/// A member of the cluster.
pub fn member(member: MemberStatus) -> wire::Member {
    wire::Member {
        id: member.id.0,
        name: member.name,
        peer_ur_ls: member.peer_urls,
        client_ur_ls: member.client_urls,
        is_learner: member.is_learner,
    }
}

/// The answer to a step of a transaction. Its header holds a revision only.
fn step(response: ResponseOp) -> wire::ResponseOp {
    let at = |revision| wire::ResponseHeader { revision, ..Default::default() };
    let response = match response {
        ResponseOp::Range(response) => {
            let header = at(response.revision);
            Response::ResponseRange(range_response(response, header))
        }
        ResponseOp::Put(response) => {
            let header = at(response.revision);
            Response::ResponsePut(put_response(response, header))
        }
        ResponseOp::DeleteRange(response) => {
            let header = at(response.revision);
            Response::ResponseDeleteRange(delete_range_response(response, header))
        }
        ResponseOp::Txn(response) => {
            let header = at(response.revision);
            Response::ResponseTxn(txn_response(response, header))
        }
    };
    wire::ResponseOp { response: Some(response) }
}

fn key_value(kv: KeyValue) -> mvccpb::KeyValue {
    let KeyValue { key, create_revision, mod_revision, version, value, lease } = kv;
    mvccpb::KeyValue { key, create_revision, mod_revision, version, value, lease }
}

#[cfg(test)]
mod tests {
    use raft_core::{NodeId, Term};

    use super::*;

    fn own_header() -> wire::ResponseHeader {
        header(Header { cluster: 1, member: NodeId(2), term: Term(3) }, 4)
    }

    fn kv() -> KeyValue {
        KeyValue {
            key: "k".into(),
            create_revision: 1,
            mod_revision: 2,
            version: 3,
            value: "v".into(),
            lease: 4,
        }
    }

    #[test]
    fn the_header_holds_who_answers_and_when() {
        let expected =
            wire::ResponseHeader { cluster_id: 1, member_id: 2, revision: 4, raft_term: 3 };
        assert_eq!(own_header(), expected);
    }

    #[test]
    fn keys_keep_all_that_is_known_of_them() {
        let response = RangeResponse { revision: 4, kvs: vec![kv()], more: true, count: 9 };
        let response = range_response(response, own_header());
        let expected = mvccpb::KeyValue {
            key: "k".into(),
            create_revision: 1,
            mod_revision: 2,
            version: 3,
            value: "v".into(),
            lease: 4,
        };
        assert_eq!((response.more, response.count), (true, 9));
        assert_eq!(response.kvs, [expected]);
    }

    #[test]
    fn steps_have_a_header_with_the_revision_alone() {
        let inner = TxnResponse { revision: 0, succeeded: true, responses: Vec::new() };
        let put = PutResponse { revision: 4, prev_kv: Some(kv()) };
        let responses = vec![ResponseOp::Put(put), ResponseOp::Txn(inner)];
        let response = TxnResponse { revision: 4, succeeded: true, responses };
        let response = txn_response(response, own_header());
        assert_eq!(response.header, Some(own_header()));
        let [put, inner] = response.responses.as_slice() else { panic!("two steps") };
        let only = wire::ResponseHeader { revision: 4, ..Default::default() };
        assert!(matches!(
            &put.response,
            Some(Response::ResponsePut(put)) if put.header == Some(only) && put.prev_kv.is_some()
        ));
        // A nested transaction has a header with nothing in it.
        assert!(matches!(
            &inner.response,
            Some(Response::ResponseTxn(txn)) if txn.header == Some(Default::default())
        ));
    }
}
