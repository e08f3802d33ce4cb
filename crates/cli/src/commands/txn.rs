//! `txn`: several conditions and requests, atomically.

use std::io::Read;

use etcd_client::proto::PbTxnRequest;

use super::{bad_arguments, show};
use crate::args::{Globals, TxnArgs};
use crate::connection::{Purpose, within};
use crate::failure::Failure;
use crate::print::Answer;
use crate::settings::Settings;
use crate::{terminal, txn};

/// How many times as long as the longest request a script may be: escapes, as `\x00`,
/// and flags take more room there. One without an end must not fill the memory.
const TEXT_BYTES: u64 = 8;

/// Reads the transaction from standard input, commits it, and prints the answer.
///
/// # Errors
/// There are arguments, the script is malformed, or the server refuses.
pub async fn run(globals: &Globals, args: &TxnArgs) -> Result<(), Failure> {
    if !args.words.is_empty() {
        return Err(bad_arguments("txn command does not accept argument"));
    }
    let settings = Settings::resolve(globals, None)?;
    let announce = |heading: &str| {
        if args.interactive { terminal::print(format!("{heading}\n").as_bytes()) } else { Ok(()) }
    };
    let limit = settings.max_request_bytes;
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_mul(TEXT_BYTES);
    let mut input = std::io::stdin().lock().take(most);
    let read = txn::read(&mut input, announce);
    // What was cut off may have any fault.
    if input.limit() == 0 {
        return Err(Failure::too_long(format_args!("over {limit}"), limit));
    }
    let txn = read?;
    let response = within(&settings, &settings.endpoints, Purpose::Write, async |connection| {
        connection.check_length(&PbTxnRequest::from(txn.clone()))?;
        Ok(connection.kv().txn(txn.clone()).await?)
    })
    .await?;
    show(&Answer::Txn(response.0), settings.output)
}
