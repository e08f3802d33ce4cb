//! `txn`: several conditions and requests, atomically.

use etcd_client::proto::PbTxnRequest;

use super::{bad_arguments, show};
use crate::args::{Globals, TxnArgs};
use crate::connection::{Purpose, within};
use crate::failure::Failure;
use crate::print::Answer;
use crate::settings::Settings;
use crate::{terminal, txn};

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
    let txn = txn::read(&mut std::io::stdin().lock(), announce)?;
    let response = within(&settings, &settings.endpoints, Purpose::Write, async |connection| {
        connection.check_length(&PbTxnRequest::from(txn.clone()))?;
        Ok(connection.kv().txn(txn.clone()).await?)
    })
    .await?;
    show(&Answer::Txn(response.0), settings.output)
}
