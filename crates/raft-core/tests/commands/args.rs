//! Reading the arguments of commands.

use std::str::FromStr;

use bytes::Bytes;
use goldenscript::{Argument, ArgumentConsumer};
use raft_core::{Ballot, Entry, EntryKind, NodeId, Position, Term};

/// A command that cannot be understood says why.
pub type Parsed<T> = Result<T, String>;

/// The arguments of one command, taken one after another.
pub struct Args<'a>(pub ArgumentConsumer<'a>);

impl Args<'_> {
    /// The next positional argument, which must be there.
    pub fn text(&mut self) -> Parsed<String> {
        self.0.next_pos().map(str::to_owned).ok_or_else(|| "an argument is missing".to_owned())
    }

    /// The next positional argument as a node, which must be there.
    pub fn node(&mut self) -> Parsed<NodeId> {
        number(&self.text()?).map(NodeId)
    }

    /// The next positional argument as a node, if there is one.
    pub fn next_node(&mut self) -> Parsed<Option<NodeId>> {
        self.0.next_pos().map(|text| number(text).map(NodeId)).transpose()
    }

    /// The value of `key=…`, if it is given.
    pub fn key<T: FromStr>(&mut self, key: &str) -> Parsed<Option<T>> {
        let value = self
            .0
            .take_key(key)
            .map(|text| text.parse().map_err(|_| format!("{key} cannot be {text}")));
        value.transpose()
    }

    /// The value of `key=…`, which must be given.
    pub fn required<T: FromStr>(&mut self, key: &str) -> Parsed<T> {
        self.key(key)?.ok_or_else(|| format!("{key}=… is missing"))
    }

    /// The value of `key=index@term`, which must be given.
    pub fn position(&mut self, key: &str) -> Parsed<Position> {
        position(&self.required::<String>(key)?)
    }

    /// The rest, as entries.
    pub fn entries(&mut self) -> Parsed<Vec<Entry>> {
        let entries: Parsed<Vec<Entry>> = self.0.by_ref().map(entry).collect();
        entries
    }

    /// Nothing may be left.
    pub fn end(self) -> Parsed<()> {
        self.0.reject_next().map_err(|error| error.to_string())
    }
}

pub fn number(text: &str) -> Parsed<u64> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn byte(text: &str) -> Parsed<u8> {
    text.parse().map_err(|_| format!("{text} is no number below 256"))
}

pub fn position(text: &str) -> Parsed<Position> {
    let (index, term) =
        text.split_once('@').ok_or_else(|| format!("{text} is no position index@term"))?;
    Ok(Position::new(number(term)?, number(index)?))
}

fn entry(argument: &Argument) -> Parsed<Entry> {
    let (at, kind, format, payload) = match argument {
        Argument::Positional(at) => (at, EntryKind::NOOP, 0, Bytes::new()),
        Argument::KeyValue(at, text) => match text.strip_prefix("kind-") {
            Some(kind) => {
                let (kind, format) = kind.split_once('/').unwrap_or((kind, "0"));
                (at, EntryKind(byte(kind)?), byte(format)?, Bytes::new())
            }
            None => (at, EntryKind::COMMAND, 0, Bytes::from(text.clone())),
        },
        _ => return Err("an argument of a new sort".to_owned()),
    };
    let Position { term, index } = position(at)?;
    Ok(Entry { term, index, kind, format, payload })
}

/// `term=2 vote=1`.
pub fn ballot(args: &mut Args) -> Parsed<Ballot> {
    let term = Term(args.required("term")?);
    Ok(Ballot { term, vote: args.key("vote")?.map(NodeId) })
}
