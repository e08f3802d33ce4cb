//! Requests that are wrong, or strange, are answered by Balsa as by etcd.
//!
//! The rows are asked in their order of one node of etcd and then of one of Balsa:
//! same address, same flags, both fresh. HTTP's status, gRPC's code and message, and
//! what an answer holds must agree, but for what [`differences`] names.

mod call;
mod differences;
mod rows;

use std::path::Path;

use bench::process::loopback;
use tonic::transport::Endpoint;

use super::harness::{Single, balsa, etcd_tools};
use call::{Outcome, Row};

#[tokio::test]
async fn bad_requests_are_answered_as_by_etcd() {
    let rows = rows::all();
    let endpoint = format!("{}:2379", loopback());
    let of_etcd = ask_all(&etcd_tools().join("etcd"), &endpoint, &rows).await;
    let of_balsa = ask_all(&balsa(), &endpoint, &rows).await;

    let mut wrong = Vec::new();
    for ((row, etcd), balsa) in rows.iter().zip(of_etcd).zip(of_balsa) {
        if let Err(why) = differences::judge(&row.name, &etcd, &balsa) {
            wrong.push(format!("{}: {why}\n   etcd: {etcd:?}\n  balsa: {balsa:?}", row.name));
        }
    }
    println!("{} requests", rows.len());
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// Asks a fresh node of the program. Each row has a connection of its own: some end it.
async fn ask_all(program: &Path, endpoint: &str, rows: &[Row]) -> Vec<Outcome> {
    let mut node = Single::start(program, endpoint).await;
    let url = Endpoint::from_shared(format!("http://{endpoint}")).expect("it is a URL");
    let mut outcomes = Vec::new();
    for row in rows {
        let mut channel = url.connect().await.expect("the node listens");
        outcomes.push(row.ask(&mut channel).await);
        node.check().unwrap_or_else(|error| panic!("{} ended the node: {error}", row.name));
    }
    outcomes
}
