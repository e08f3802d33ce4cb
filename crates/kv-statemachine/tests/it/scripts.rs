//! Scripts that read like a session with `etcdctl`; see `tests/scripts`.
//!
//! ```text
//!   put KEY VALUE [prev] [ignore_value] [ignore_lease] [lease=N]
//!   del RANGE [prev]
//!   get RANGE [rev=N] [limit=N] [keys] [count] [order=asc|desc] [by=key|version|create|mod|value]
//!             [min_mod=N] [max_mod=N] [min_create=N] [max_create=N]
//!   txn "CONDITION, CONDITION ? STEP ; STEP : STEP"     a step may be a ( transaction )
//!   compact N
//!   hash [N]
//!   raise|lift nospace|corrupt MEMBER [operator]
//!   alarms                   all that are raised
//!   remove_member MEMBER
//!   restart                  in order, with all state read from the disk
//!   pace N                   look at N changes with each command, to remove what was compacted
//!   rows                     how many rows each space holds, after all removals
//!
//!   RANGE        k    one key      a..c  from a up to c      a..  from a on      a*  prefix
//!   CONDITION    version(RANGE)=N  create(..)>N  mod(..)<N  value(..)!TEXT  lease(..)=N
//! ```

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use kv_statemachine::{
    CompactRequest, DeleteRangeResponse, KeyValue, Operation, PutResponse, RangeResponse, Response,
    ResponseOp, TxnResponse,
};
use raft_core::NodeId;
use test_each_file::test_each_path;

use crate::support::{Node, parse};

test_each_path! { in "./crates/kv-statemachine/tests/scripts" as each => run }

fn run(path: &Path) {
    goldenscript::run(&mut Session { node: Node::new() }, path).expect("the script can be read");
}

struct Session {
    node: Node,
}

impl goldenscript::Runner for Session {
    type Command = goldenscript::Command;

    fn run(
        &mut self,
        command: &goldenscript::Command,
        _: &goldenscript::Context,
    ) -> Result<String, Box<dyn Error>> {
        let mut words: Vec<String> = Vec::new();
        for argument in command.consume_args() {
            words.push(match argument {
                goldenscript::Argument::Positional(word) => word.clone(),
                goldenscript::Argument::KeyValue(key, value) => format!("{key}={value}"),
                other => return Err(format!("what is {other}?").into()),
            });
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut out = String::new();
        match (command.name.as_str(), words.as_slice()) {
            ("get", words) => {
                show_range(&mut out, &self.node.view().range(&parse::range(words)?)?);
            }
            ("put", words) => self.write(&mut out, Operation::Put(parse::put(words)?))?,
            ("del", words) => {
                self.write(&mut out, Operation::DeleteRange(parse::delete(words)?))?
            }
            ("txn", [text]) => {
                let txn = parse::txn(text)?;
                if txn.is_read_only() {
                    show_txn(&mut out, &self.node.view().txn(&txn)?, "");
                } else {
                    kv_statemachine::check_txn(&txn, 128)?;
                    self.write(&mut out, Operation::Txn(txn))?;
                }
            }
            ("compact", [revision]) => {
                let request = CompactRequest { revision: revision.parse()? };
                self.write(&mut out, Operation::Compact(request))?;
            }
            ("hash", words) => {
                let revision = words.first().map_or(Ok(0), |word| word.parse())?;
                let hash = self.node.view().hash_kv(revision)?;
                writeln!(
                    out,
                    "hash={} revision={} compacted={}",
                    hash.hash, hash.hash_revision, hash.compact_revision
                )?;
            }
            ("alarms", []) => {
                for (alarm, source) in self.node.view().alarms().iter() {
                    writeln!(out, "{} of {} by {source:?}", alarm.kind, alarm.member)?;
                }
            }
            ("raise" | "lift", words) => {
                let request = parse::alarm(command.name == "lift", words)?;
                self.write(&mut out, Operation::Alarm(request))?;
            }
            ("remove_member", [member]) => self.node.remove_member(NodeId(member.parse()?)),
            ("restart", []) => self.node.restart_in_place()?,
            ("pace", [changes]) => self.node.machine.set_removal_pace(changes.parse()?),
            ("rows", []) => {
                self.node.finish_compaction();
                let rows = self.node.rows();
                for name in ["latest", "history", "changes"] {
                    let count = rows.iter().filter(|row| row.0 == name).count();
                    writeln!(out, "{name} {count}")?;
                }
            }
            (name, _) => return Err(format!("no command {name} with these words").into()),
        }
        Ok(out)
    }
}

impl Session {
    fn write(&mut self, out: &mut String, operation: Operation) -> Result<(), Box<dyn Error>> {
        match self.node.run(operation).outcome? {
            Response::Put(response) => show_put(out, &response),
            Response::DeleteRange(response) => show_delete(out, &response),
            Response::Txn(response) => show_txn(out, &response, ""),
            Response::Compact(response) => writeln!(out, "ok revision={}", response.revision)?,
            Response::MemberAttributes => out.push_str("ok\n"),
            Response::Alarm(None) => out.push_str("no such alarm\n"),
            Response::Alarm(Some(alarm)) => writeln!(out, "{} of {}", alarm.kind, alarm.member)?,
        }
        Ok(())
    }
}

fn show_put(out: &mut String, response: &PutResponse) {
    let _ = writeln!(out, "ok revision={}", response.revision);
    show_kvs(out, "was ", response.prev_kv.as_slice());
}

fn show_delete(out: &mut String, response: &DeleteRangeResponse) {
    let _ = writeln!(out, "deleted {} revision={}", response.deleted, response.revision);
    show_kvs(out, "was ", &response.prev_kvs);
}

fn show_range(out: &mut String, response: &RangeResponse) {
    show_kvs(out, "", &response.kvs);
    let more = if response.more { " more" } else { "" };
    let _ = writeln!(out, "count={} revision={}{more}", response.count, response.revision);
}

fn show_kvs(out: &mut String, before: &str, kvs: &[KeyValue]) {
    for kv in kvs {
        let _ = writeln!(out, "{before}{kv}");
    }
}

fn show_txn(out: &mut String, response: &TxnResponse, indent: &str) {
    let result = if response.succeeded { "success" } else { "failure" };
    let _ = writeln!(out, "{indent}{result} revision={}", response.revision);
    let indent = format!("{indent}  ");
    for response in &response.responses {
        let mut text = String::new();
        match response {
            ResponseOp::Range(response) => show_range(&mut text, response),
            ResponseOp::Put(response) => show_put(&mut text, response),
            ResponseOp::DeleteRange(response) => show_delete(&mut text, response),
            ResponseOp::Txn(response) => {
                show_txn(out, response, &indent);
                continue;
            }
        }
        for line in text.lines() {
            let _ = writeln!(out, "{indent}{line}");
        }
    }
}
