//! The counters, and their bytes in a file.
//!
//! ```text
//!   magic     8 bytes  "COUNTERS"
//!   applied   the meta of the last entry applied
//!   mark      u8: 1 while a snapshot's installation is not finished
//!   counters  to the end, by name, each: value u64, length u32, name
//! ```
//!
//! All numbers are little-endian.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes};
use raft_core::SnapshotMeta;

use super::command::{Command, CounterError, Reply};
use crate::encoding::{DecodeError, put_bytes, put_meta, take_bytes, take_meta};

const MAGIC: &[u8] = b"COUNTERS";

/// What all nodes agree on. Equal states make equal bytes: the names are in order.
#[derive(Clone)]
pub struct State {
    pub applied: SnapshotMeta,
    pub install_unfinished: bool,
    pub counters: BTreeMap<String, u64>,
}

impl State {
    /// No counters yet.
    pub fn new(bootstrap: SnapshotMeta) -> State {
        State { applied: bootstrap, install_unfinished: false, counters: BTreeMap::new() }
    }

    /// Does what a command says, whatever it says: all nodes must answer the same.
    pub fn execute(&mut self, payload: Bytes) -> Reply {
        match Command::decode(payload) {
            Ok(Command { request, amount, name }) => {
                Reply { request, value: self.add(name, amount) }
            }
            Err(error) => Reply { request: None, value: Err(error) },
        }
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_slice(MAGIC);
        put_meta(&mut out, &self.applied);
        out.put_u8(self.install_unfinished.into());
        for (name, value) in &self.counters {
            out.put_u64_le(*value);
            put_bytes(&mut out, name.as_bytes());
        }
        out
    }

    /// The state that the bytes are of.
    pub fn decode(mut bytes: Bytes) -> Result<State, DecodeError> {
        if !bytes.starts_with(MAGIC) {
            return Err(DecodeError::Nonsense("it holds no counters"));
        }
        bytes.advance(MAGIC.len());
        let mut state = State::new(take_meta(&mut bytes)?);
        state.install_unfinished = bytes.try_get_u8()? == 1;
        while bytes.has_remaining() {
            let value = bytes.try_get_u64_le()?;
            let name = String::from_utf8(take_bytes(&mut bytes)?.to_vec())
                .map_err(|_| DecodeError::Nonsense("a counter's name is not UTF-8"))?;
            state.counters.insert(name, value);
        }
        Ok(state)
    }

    fn add(&mut self, name: String, amount: u64) -> Result<u64, CounterError> {
        let value = self.counters.get(&name).copied().unwrap_or(0);
        let sum = value.checked_add(amount).ok_or(CounterError::Overflow)?;
        self.counters.insert(name, sum);
        Ok(sum)
    }
}
