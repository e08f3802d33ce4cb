//! How answers look: one module for each format.

mod fields;
mod json;
mod protobuf;
mod rows;
mod simple;
mod table;

pub use simple::unhealthy;

use std::time::Duration;

use etcd_client::AlarmType;
use etcd_client::proto::{
    PbDeleteResponse, PbHashKvResponse, PbMember, PbMemberListResponse, PbPutResponse,
    PbRangeResponse, PbResponseHeader, PbStatusResponse, PbTxnResponse,
};

use crate::failure::{Exit, Failure};

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A few words or lines for people.
    Simple,
    /// One JSON value on a line.
    Json,
    /// A table, for lists of members and endpoints.
    Table,
    /// `"Name" : value`, one field a line.
    Fields,
    /// The message of the API, encoded.
    Protobuf,
}

impl Format {
    /// The format of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn parse(name: &str) -> Result<Format, Failure> {
        match name {
            "simple" => Ok(Format::Simple),
            "json" => Ok(Format::Json),
            "table" => Ok(Format::Table),
            "fields" => Ok(Format::Fields),
            "protobuf" => Ok(Format::Protobuf),
            _ => Err(Failure::new(Exit::BadFeature, "unsupported output format")
                .with_hint("--write-out takes simple, json, table, fields or protobuf")),
        }
    }
}

/// A format and its variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The format.
    pub format: Format,
    /// Keys and values (simple) or ids (json, fields) in hexadecimal.
    pub hex: bool,
    /// Values without their keys (simple).
    pub value_only: bool,
}

/// The health of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The endpoint, as it was given.
    pub endpoint: String,
    /// How long the answer took; nothing if no request was sent.
    pub took: Option<Duration>,
    /// What is wrong; nothing if the endpoint is healthy.
    pub error: Option<String>,
}

/// A change of members that was made.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The member that it is about.
    pub id: u64,
    /// What was done with it.
    pub deed: Deed,
    /// Who answered.
    pub header: Option<PbResponseHeader>,
    /// The member, if it was added.
    pub member: Option<PbMember>,
    /// All members after it.
    pub members: Vec<PbMember>,
    /// The message of the API, encoded.
    pub encoded: Vec<u8>,
}

/// What was done with a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It was added, by the name and the URLs that the user gave.
    Added {
        /// The name.
        name: String,
        /// The URLs, with commas between them.
        peer_urls: String,
    },
    /// It was removed.
    Removed,
    /// Its URLs were replaced.
    Updated,
    /// It got a vote.
    Promoted,
}

/// Alarms that are raised, or were lifted.
#[derive(Clone, Debug)]
pub struct Alarms {
    /// Who answered; nothing of several answers.
    pub header: Option<PbResponseHeader>,
    /// Each with the member that it is about, and its number in the API.
    pub raised: Vec<(u64, i32)>,
    /// The message of the API, encoded.
    pub encoded: Vec<u8>,
}

impl Alarms {
    /// The name of an alarm; its number if it has none.
    pub fn name(number: i32) -> String {
        match AlarmType::try_from(number) {
            Ok(AlarmType::Nospace) => "NOSPACE".to_owned(),
            Ok(AlarmType::Corrupt) => "CORRUPT".to_owned(),
            Ok(AlarmType::None) => "NONE".to_owned(),
            Err(_) => number.to_string(),
        }
    }
}

/// A leadership that was handed over.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Who led.
    pub from: u64,
    /// Who leads.
    pub to: u64,
    /// The message of the API, encoded.
    pub encoded: Vec<u8>,
}

impl Output {
    /// Refuses the format that has no place for alarms, before any is lifted.
    ///
    /// # Errors
    /// It is that one.
    pub fn check_for_alarms(&self) -> Result<(), Failure> {
        match self.format {
            Format::Table => Err(unsupported("table")),
            _ => Ok(()),
        }
    }

    /// Refuses the formats that have no place for a change, before it is made.
    ///
    /// # Errors
    /// It is one of them.
    pub fn check_for_change(&self) -> Result<(), Failure> {
        match self.format {
            Format::Simple | Format::Json | Format::Protobuf => Ok(()),
            Format::Fields => Err(unsupported("fields")),
            Format::Table => Err(unsupported("table")),
        }
    }
}

/// An answer of the store or of the cluster.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Of `put`.
    Put(PbPutResponse),
    /// Of `get`.
    Get(PbRangeResponse),
    /// Of `del`.
    Del(PbDeleteResponse),
    /// Of `txn`.
    Txn(PbTxnResponse),
    /// Of `member list`.
    Members(PbMemberListResponse),
    /// Of `member add` and the other changes.
    Changed(Changed),
    /// Of `alarm list` and `alarm disarm`.
    Alarms(Alarms),
    /// Of `move-leader`.
    Moved(Moved),
    /// Of `endpoint health`, one for each endpoint.
    Health(Vec<Health>),
    /// Of `endpoint status`, with the endpoint.
    Status(Vec<(String, PbStatusResponse)>),
    /// Of `endpoint hashkv`, with the endpoint.
    Hash(Vec<(String, PbHashKvResponse)>),
}

impl Answer {
    /// The text that is printed for the answer; bytes, because keys and values are.
    ///
    /// # Errors
    /// The format has no place for this kind of answer.
    pub fn render(&self, output: Output) -> Result<Vec<u8>, Failure> {
        match output.format {
            Format::Simple => Ok(simple::render(self, output)),
            Format::Json => Ok(json::render(self, output.hex).into_bytes()),
            Format::Fields => fields::render(self, output.hex)
                .map(String::into_bytes)
                .ok_or_else(|| unsupported("fields")),
            Format::Protobuf => protobuf::render(self).ok_or_else(|| unsupported("protobuf")),
            Format::Table => {
                table::render(self).map(String::into_bytes).ok_or_else(|| unsupported("table"))
            }
        }
    }
}

fn unsupported(format: &str) -> Failure {
    Failure::new(Exit::BadFeature, format!("{format} not supported as output format"))
}
