//! The commands of `kvbench`.
//!
//! Exit codes: 0, the load ran and no call failed; 1, calls failed or a bound is
//! not met; 2, the load could not be run.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use tokio::runtime::{Builder, Runtime};

use crate::compare::{self, Comparison, Subject};
use crate::load::{self, Limit, LoadError, Measure, Operation, Order, Plan};

/// Puts load on an etcd-compatible cluster, and compares two of them
#[derive(Debug, Parser)]
#[command(name = "kvbench", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write keys
    Put(LoadArgs),
    /// Read keys
    Get(GetArgs),
    /// Start Balsa and etcd in turn, put the same load on both, and show the ratios
    Compare(CompareArgs),
}

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("limit").required(true).args(["total", "duration"])))]
struct LoadArgs {
    /// The nodes, as host:port; clients are shared out among them
    #[arg(long, value_delimiter = ',', default_value = "127.0.0.1:2379")]
    endpoints: Vec<String>,
    /// How many clients; each waits for its answer before it goes on
    #[arg(long, default_value_t = 1)]
    clients: usize,
    /// How many clients share a connection
    #[arg(long, default_value_t = 20)]
    clients_per_connection: usize,
    /// End after so many calls
    #[arg(long)]
    total: Option<u64>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
    /// How many different keys
    #[arg(long, default_value_t = 10_000)]
    key_space: u64,
    /// In which order the keys are used
    #[arg(long, value_enum, default_value_t = KeyOrder::Random)]
    order: KeyOrder,
    /// The length of a key in bytes
    #[arg(long, default_value_t = 8)]
    key_size: usize,
    /// The length of a value in bytes
    #[arg(long, default_value_t = 256)]
    val_size: usize,
    /// How many seconds a call may take
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    timeout: Duration,
    /// Processes whose CPU time per call is shown
    #[arg(long, value_delimiter = ',')]
    pids: Vec<u32>,
}

#[derive(Args, Debug)]
struct GetArgs {
    #[command(flatten)]
    load: LoadArgs,
    /// Linearizable reads (l) or serializable ones (s), as etcdctl calls them
    #[arg(long, value_enum, default_value_t = Consistency::L)]
    consistency: Consistency,
}

#[derive(Args, Debug)]
struct CompareArgs {
    /// The program balsa
    #[arg(long, value_name = "PATH")]
    balsa: PathBuf,
    /// The program etcd
    #[arg(long, value_name = "PATH")]
    etcd: PathBuf,
    /// How many nodes each has
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
    nodes: u8,
    /// How often both are measured twice: Balsa, etcd, etcd, Balsa
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=100))]
    rounds: u8,
    /// How many seconds each load lasts
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "5")]
    duration: Duration,
    /// Where the nodes keep their data meanwhile; must lie on a disk
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    data_dir: PathBuf,
    /// End with 1 if a bound is not met
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KeyOrder {
    Sequential,
    Random,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Consistency {
    L,
    S,
}

impl Cli {
    /// Does what the command says and prints what came of it.
    pub fn run(self) -> ExitCode {
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => return refuse(&format!("the threads cannot be started: {error}")),
        };
        match self.command {
            Command::Put(args) => report(runtime.block_on(load::run(&args.plan(Operation::Put)))),
            Command::Get(args) => {
                let serializable = matches!(args.consistency, Consistency::S);
                let plan = args.load.plan(Operation::Get { serializable });
                report(runtime.block_on(load::run(&plan)))
            }
            Command::Compare(args) => {
                let check = args.check;
                let comparison = args.comparison();
                let progress = |line: &str| eprintln!("{line}");
                match runtime.block_on(compare::run(&comparison, progress)) {
                    Ok(table) => {
                        let met = table.failures() == 0;
                        finish(&table.to_string(), met || !check)
                    }
                    Err(error) => refuse(&error.to_string()),
                }
            }
        }
    }
}

impl LoadArgs {
    fn plan(&self, operation: Operation) -> Plan {
        let limit = match (self.total, self.duration) {
            (Some(total), _) => Limit::Calls(total),
            (None, duration) => Limit::Time(duration.unwrap_or_default()),
        };
        let without_scheme = |endpoint: &String| endpoint.trim_start_matches("http://").to_owned();
        Plan {
            operation,
            endpoints: self.endpoints.iter().map(without_scheme).collect(),
            clients: self.clients,
            clients_per_connection: self.clients_per_connection,
            limit,
            keys: self.key_space,
            order: match self.order {
                KeyOrder::Sequential => Order::Sequential,
                KeyOrder::Random => Order::Random,
            },
            key_size: self.key_size,
            value_size: self.val_size,
            call_limit: self.timeout,
            pids: self.pids.clone(),
        }
    }
}

impl CompareArgs {
    fn comparison(self) -> Comparison {
        Comparison {
            balsa: Subject { name: "Balsa", program: self.balsa },
            etcd: Subject { name: "etcd", program: self.etcd },
            nodes: self.nodes.into(),
            rounds: self.rounds,
            duration: self.duration,
            folder: self.data_dir,
        }
    }
}

/// One thread makes the whole load: on a machine that runs the nodes as well,
/// each wake-up of a second one is taken from them.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|error| format!("{error}"))?;
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) => Err("must be more than 0".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn report(outcome: Result<Measure, LoadError>) -> ExitCode {
    match outcome {
        Ok(measure) => finish(&measure.to_string(), measure.errors == 0),
        Err(error) => refuse(&error.to_string()),
    }
}

fn finish(text: &str, is_good: bool) -> ExitCode {
    match writeln!(io::stdout().lock(), "{text}") {
        Ok(()) if is_good => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(1),
        Err(error) => refuse(&format!("the output cannot be written: {error}")),
    }
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("kvbench: {message}");
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, String> {
        let words = std::iter::once("kvbench").chain(line.split_whitespace());
        Cli::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn a_put_becomes_a_plan() {
        let line = "put --endpoints http://a:1,b:2 --clients 3 --total 9 --val-size 4 --pids 7,8";
        let Command::Put(args) = parse(line).expect("is understood").command else {
            panic!("is a put")
        };
        let plan = args.plan(Operation::Put);
        assert_eq!(plan.endpoints, ["a:1", "b:2"]);
        assert_eq!((plan.clients, plan.limit, plan.value_size), (3, Limit::Calls(9), 4));
        assert_eq!((plan.key_size, plan.pids), (8, vec![7, 8]));
    }

    #[test]
    fn a_get_ends_after_its_time() {
        let Command::Get(args) = parse("get --duration 0.5 --consistency s").expect("ok").command
        else {
            panic!("is a get")
        };
        assert!(matches!(args.consistency, Consistency::S));
        let plan = args.load.plan(Operation::Get { serializable: true });
        assert_eq!(plan.limit, Limit::Time(Duration::from_millis(500)));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(parse("put").expect_err("has no end").contains("required"));
        assert!(parse("put --total 1 --duration 1").is_err());
        assert!(parse("put --duration 0").expect_err("no time").contains("more than 0"));
        assert!(parse("put --duration -1").is_err());
        assert!(parse("compare --balsa a").expect_err("no etcd").contains("--etcd"));
    }
}
