//! `put`: one key, one value.

use std::io::Read;

use etcd_client::PutOptions;

use super::{bad_arguments, bytes, show};
use crate::args::{Globals, PutArgs};
use crate::connection::{Purpose, within};
use crate::failure::Failure;
use crate::go::number::parse_int;
use crate::print::Answer;
use crate::settings::{DEFAULT_REQUEST_BYTES, Settings};

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
    let settings = Settings::resolve(globals, None);
    // The first mistake is told first, and the arguments come before the settings.
    let limit = settings.as_ref().map_or(DEFAULT_REQUEST_BYTES, |known| known.max_request_bytes);
    let request = request(args, &mut std::io::stdin().lock(), limit)?;
    let settings = settings?;
    let response = within(&settings, &settings.endpoints, Purpose::Write, async |connection| {
        // Only key and value can make the message long.
        connection.check_length(&proto::etcdserverpb::PutRequest {
            key: request.key.clone().into(),
            value: request.value.clone().into(),
            ..Default::default()
        })?;
        Ok(connection
            .kv()
            .put(request.key.clone(), request.value.clone(), Some(request.options.clone()))
            .await?)
    })
    .await?;
    show(&Answer::Put(response.0), settings.output)
}

/// The request of these arguments. A value that is not among them is read from `input`,
/// up to `limit` bytes: an endless one must not fill the memory.
///
/// # Errors
/// Key or value are missing, or there are too many arguments; the value is longer than
/// the limit; the lease is no number.
pub fn request(args: &PutArgs, input: &mut impl Read, limit: usize) -> Result<PutRequest, Failure> {
    let key = bytes(args.words.first().ok_or_else(|| bad_arguments(MISSING))?);
    if args.ignore_value && args.words.len() > 1 {
        return Err(bad_arguments("put command needs only 1 argument when 'ignore-value' is set"));
    }
    let value = match args.words.get(1) {
        _ if args.ignore_value => Vec::new(),
        Some(word) => bytes(word),
        None => from(input, limit)?,
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

fn from(input: &mut impl Read, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut value = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    match input.take(most).read_to_end(&mut value) {
        Ok(0) => Err(bad_arguments(MISSING)),
        Ok(read) if read > limit => Err(Failure::too_long(format_args!("over {limit}"), limit)),
        Ok(_) => Ok(value),
        Err(error) => Err(bad_arguments(MISSING)
            .with_hint(format_args!("standard input cannot be read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, repeat};

    use super::*;

    fn put(input: &mut impl Read, limit: usize) -> Result<Vec<u8>, Failure> {
        let args = PutArgs { words: vec!["key".into()], lease: "0".into(), ..PutArgs::default() };
        request(&args, input, limit).map(|request| request.value)
    }

    #[test]
    fn a_value_from_input_has_a_limit() {
        assert_eq!(put(&mut Cursor::new(b"abc"), 3), Ok(b"abc".to_vec()));
        let mut input = Cursor::new(vec![b'a'; 100]);
        let failure = put(&mut input, 3).expect_err("it is too long");
        assert_eq!(
            failure.words(),
            "rpc error: code = ResourceExhausted desc = trying to send message larger than max (over 3 vs. 3)"
        );
        assert_eq!(input.position(), 4, "no more is read than shows that it is too long");
        assert!(put(&mut repeat(0), 1024).is_err(), "input without an end");
    }
}
