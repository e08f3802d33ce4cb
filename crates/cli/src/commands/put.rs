//! `put`: one key, one value.

use std::io::Read;

use etcd_client::PutOptions;

use super::{bad_arguments, bytes, show};
use crate::args::{Globals, PutArgs};
use crate::connection::within;
use crate::failure::Failure;
use crate::go::number::parse_int;
use crate::print::Answer;
use crate::settings::Settings;

const MISSING: &str = "put command needs 1 argument and input from stdin or 2 arguments";

/// What a `put` asks for.
pub struct PutRequest {
    /// The key.
    pub key: Vec<u8>,
    /// The value; empty if the key keeps its own.
    pub value: Vec<u8>,
    /// Lease and what to return.
    pub options: PutOptions,
}

/// Puts, and prints the answer.
///
/// # Errors
/// The arguments are wrong, or the server refuses.
pub async fn run(globals: &Globals, args: &PutArgs) -> Result<(), Failure> {
    let request = request(args, &mut std::io::stdin().lock())?;
    let settings = Settings::resolve(globals, None)?;
    let response = within(&settings, &settings.endpoints, async |connection| {
        // Only key and value can make the message long.
        connection.check_length(&proto::etcdserverpb::PutRequest {
            key: request.key.clone().into(),
            value: request.value.clone().into(),
            ..Default::default()
        })?;
        Ok(connection.kv().put(request.key, request.value, Some(request.options)).await?)
    })
    .await?;
    show(&Answer::Put(response.0), settings.output)
}

/// The request of these arguments. A value that is not among them is read from `input`,
/// all of it.
///
/// # Errors
/// Key or value are missing, or there are too many arguments; the lease is no number.
pub fn request(args: &PutArgs, input: &mut impl Read) -> Result<PutRequest, Failure> {
    let key = bytes(args.words.first().ok_or_else(|| bad_arguments(MISSING))?);
    if args.ignore_value && args.words.len() > 1 {
        return Err(bad_arguments("put command needs only 1 argument when 'ignore-value' is set"));
    }
    let value = match args.words.get(1) {
        _ if args.ignore_value => Vec::new(),
        Some(word) => bytes(word),
        None => from(input)?,
    };
    let lease = parse_int(&args.lease, 16)
        .map_err(|error| bad_arguments(&format!("bad lease ID ({error}), expecting ID in Hex")))?;

    let mut options = PutOptions::new().with_lease(lease);
    if args.prev_kv {
        options = options.with_prev_key();
    }
    if args.ignore_value {
        options = options.with_ignore_value();
    }
    if args.ignore_lease {
        options = options.with_ignore_lease();
    }
    Ok(PutRequest { key, value, options })
}

fn from(input: &mut impl Read) -> Result<Vec<u8>, Failure> {
    let mut value = Vec::new();
    match input.read_to_end(&mut value) {
        Ok(0) => Err(bad_arguments(MISSING)),
        Ok(_) => Ok(value),
        Err(error) => Err(bad_arguments(MISSING)
            .with_hint(format_args!("standard input cannot be read: {error}"))),
    }
}
