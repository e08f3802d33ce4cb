//! What a node is to do, read from the flags and checked.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use balsa::{ChangePolicy, DiskReserve};

use super::cluster;
use super::error::FlagError;
use super::url::Url;
use super::values::Values;

/// The longest time that an election may take to begin.
const MAX_ELECTION_TIMEOUT: Duration = Duration::from_secs(50);
/// Flags that say what a new cluster is founded with.
const OF_NEW_CLUSTERS: [&str; 3] =
    ["initial-advertise-peer-urls", "initial-cluster", "initial-cluster-token"];
/// What a request may take beside the time of two elections.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// The settings of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub data_dir: PathBuf,
    /// Where it listens for peers.
    pub listen_peer: SocketAddr,
    /// Where it listens for clients.
    pub listen_client: Vec<SocketAddr>,
    /// Where it listens for clients that speak plain HTTP.
    pub listen_http: Vec<SocketAddr>,
    /// Where it listens for those who watch it.
    pub listen_metrics: Vec<SocketAddr>,
    /// What it tells clients of where it is.
    pub client_urls: Vec<String>,
    /// All founding members, this one included.
    pub founders: Vec<Founding>,
    /// What keeps clusters with the same addresses apart.
    pub token: String,
    /// The flags among those that only a new cluster follows which somebody has set.
    pub given: BTreeSet<&'static str>,
    /// Whether the cluster is there already.
    pub cluster_state: ClusterState,
    /// How often a leader shows that it is there.
    pub heartbeat_interval: Duration,
    /// When a follower stops to wait for one.
    pub election_timeout: Duration,
    /// Whether to ask before standing for election.
    pub pre_vote: bool,
    /// Which changes of members are made.
    pub change_policy: ChangePolicy,
    /// Entries after which a snapshot is taken, if it was said.
    pub snapshot_count: Option<u64>,
    /// Bytes that the state may take, if it is bounded.
    pub quota: Option<u64>,
    /// What is kept free on the disk.
    pub disk_reserve: DiskReserve,
    /// Steps in each branch of a transaction.
    pub txn_ops: u64,
    /// Bytes of a request.
    pub request_bytes: usize,
    /// Requests that a connection may have open.
    pub concurrent_streams: u32,
    /// When a silent connection is asked whether it lives.
    pub keepalive_interval: Duration,
    /// How long it has to answer.
    pub keepalive_timeout: Duration,
    /// How far apart the pings of a client must be.
    pub keepalive_min_time: Duration,
    /// Whether latencies of methods are counted.
    pub extensive_metrics: bool,
    /// The least important lines that are logged.
    pub log_level: tracing::level_filters::LevelFilter,
    /// How they look.
    pub log_format: LogFormat,
    /// Where they go.
    pub log_outputs: Vec<String>,
    /// Whether the state is kept in memory.
    pub state_in_memory: bool,
    /// Whether the node stops when its standard input ends.
    pub stop_with_stdin: bool,
}

/// A founding member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    /// Its name.
    pub name: String,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
}

impl Founding {
    /// A member at these URLs.
    pub fn new(name: String, urls: &[Url]) -> Founding {
        Founding { name, peer_urls: urls.iter().map(Url::to_string).collect() }
    }
}

/// Whether the cluster is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterState {
    /// Its members found it now.
    New,
    /// This node joins it.
    Existing,
}

/// How the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A JSON object a line.
    Json,
    /// For people.
    Console,
}

impl Settings {
    /// Reads and checks them.
    pub fn new(values: &Values) -> Result<Settings, FlagError> {
        let name = values.text("name").to_owned();
        if name.is_empty() {
            return Err(FlagError::invalid("name", "", "a name is needed"));
        }
        let advertised = values.urls("initial-advertise-peer-urls")?;
        if advertised.is_empty() {
            return Err(empty("initial-advertise-peer-urls"));
        }
        let (heartbeat_interval, election_timeout) = times(values)?;
        Ok(Settings {
            data_dir: match values.text("data-dir") {
                "" => PathBuf::from(format!("{name}.balsa")),
                folder => PathBuf::from(folder),
            },
            listen_peer: peer_address(values)?,
            listen_client: addresses(values, "listen-client-urls")?,
            listen_http: addresses(values, "listen-client-http-urls")?,
            listen_metrics: addresses(values, "listen-metrics-urls")?,
            client_urls: client_urls(values)?,
            founders: cluster::read(values, &name, &advertised)?,
            token: values.text("initial-cluster-token").to_owned(),
            given: OF_NEW_CLUSTERS.into_iter().filter(|flag| values.is_given(flag)).collect(),
            cluster_state: values.choose(
                "initial-cluster-state",
                &[("new", ClusterState::New), ("existing", ClusterState::Existing)],
            )?,
            heartbeat_interval,
            election_timeout,
            pre_vote: values.switch("pre-vote")?,
            change_policy: ChangePolicy {
                is_strict: values.switch("strict-reconfig-check")?,
                max_learners: values.number("max-learners")?,
            },
            snapshot_count: snapshot_count(values)?,
            quota: quota(values)?,
            disk_reserve: match values.text("disk-reserve-bytes") {
                "auto" => DiskReserve::Auto,
                _ => DiskReserve::Bytes(values.number("disk-reserve-bytes")?),
            },
            txn_ops: values.number("max-txn-ops")?,
            request_bytes: values.fit("max-request-bytes", u64::from(u32::MAX))?,
            concurrent_streams: values.fit("max-concurrent-streams", u64::from(u32::MAX))?,
            keepalive_interval: values.time("grpc-keepalive-interval")?,
            keepalive_timeout: values.time("grpc-keepalive-timeout")?,
            keepalive_min_time: values.time("grpc-keepalive-min-time")?,
            extensive_metrics: values
                .choose("metrics", &[("basic", false), ("extensive", true)])?,
            log_level: log_level(values)?,
            log_format: values.choose(
                "log-format",
                &[("json", LogFormat::Json), ("console", LogFormat::Console)],
            )?,
            log_outputs: values.text("log-outputs").split(',').map(str::to_owned).collect(),
            state_in_memory: values.switch("state-in-memory")?,
            stop_with_stdin: values.switch("stop-with-stdin")?,
            name,
        })
        .and_then(|settings| {
            values.choose("auto-compaction-mode", &[("periodic", ()), ("revision", ())])?;
            Ok(settings)
        })
    }

    /// How long a request may take: a write may live through an election.
    pub fn request_timeout(&self) -> Duration {
        REQUEST_TIME + 2 * self.election_timeout
    }
}

fn times(values: &Values) -> Result<(Duration, Duration), FlagError> {
    let heartbeat = values.milliseconds("heartbeat-interval")?;
    let election = values.milliseconds("election-timeout")?;
    let fault =
        |name: &'static str, why: &str| Err(FlagError::invalid(name, values.text(name), why));
    if heartbeat.is_zero() {
        return fault("heartbeat-interval", "it must be greater than 0");
    }
    if election < heartbeat * 5 {
        return fault("election-timeout", "it must be 5 times --heartbeat-interval at least");
    }
    if election > MAX_ELECTION_TIMEOUT {
        return fault("election-timeout", "it must be 50000 at most");
    }
    Ok((heartbeat, election))
}

fn peer_address(values: &Values) -> Result<SocketAddr, FlagError> {
    let addresses = addresses(values, "listen-peer-urls")?;
    match addresses.as_slice() {
        [address] => Ok(*address),
        [] => Err(empty("listen-peer-urls")),
        _ => {
            let text = values.text("listen-peer-urls");
            Err(FlagError::invalid("listen-peer-urls", text, "only one URL is served"))
        }
    }
}

fn addresses(values: &Values, name: &'static str) -> Result<Vec<SocketAddr>, FlagError> {
    let bind = |url: Url| {
        url.bind_address().map_err(|why| FlagError::invalid(name, values.text(name), why))
    };
    values.urls(name)?.into_iter().map(bind).collect()
}

/// Where clients are told to come. Whoever chooses where to listen has to say it:
/// it cannot be guessed from where others see this node.
fn client_urls(values: &Values) -> Result<Vec<String>, FlagError> {
    if values.text("listen-client-urls").is_empty() {
        return Err(empty("listen-client-urls"));
    }
    if values.is_given("listen-client-urls") && !values.is_given("advertise-client-urls") {
        return Err(FlagError::Invalid(
            "--advertise-client-urls is required when --listen-client-urls is set explicitly"
                .to_owned(),
        ));
    }
    Ok(values.urls("advertise-client-urls")?.iter().map(Url::to_string).collect())
}

fn snapshot_count(values: &Values) -> Result<Option<u64>, FlagError> {
    if !values.is_given("snapshot-count") {
        return Ok(None);
    }
    match values.number("snapshot-count")? {
        0 => Err(FlagError::invalid("snapshot-count", "0", "it must be greater than 0")),
        count => Ok(Some(count)),
    }
}

/// As with etcd 0 is the default and what is negative bounds nothing; but the default
/// bounds nothing either.
fn quota(values: &Values) -> Result<Option<u64>, FlagError> {
    let quota = values.signed("quota-backend-bytes")?;
    Ok(u64::try_from(quota).ok().filter(|quota| *quota > 0))
}

fn log_level(values: &Values) -> Result<tracing::level_filters::LevelFilter, FlagError> {
    use tracing::level_filters::LevelFilter;
    let levels = [
        ("debug", LevelFilter::DEBUG),
        ("info", LevelFilter::INFO),
        ("warn", LevelFilter::WARN),
        ("error", LevelFilter::ERROR),
        ("dpanic", LevelFilter::ERROR),
        ("panic", LevelFilter::ERROR),
        ("fatal", LevelFilter::ERROR),
    ];
    values.choose("log-level", &levels)
}

fn empty(name: &str) -> FlagError {
    FlagError::invalid(name, "", "a URL is needed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(given: &[(&'static str, &str)]) -> Result<Settings, FlagError> {
        let given = given.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Settings::new(&Values::new(given.collect()))
    }

    #[test]
    fn the_defaults_are_those_of_etcd() {
        let settings = settings(&[]).expect("the defaults can be followed");
        assert_eq!(settings.data_dir, PathBuf::from("default.balsa"));
        assert_eq!(settings.listen_peer, SocketAddr::from(([127, 0, 0, 1], 2380)));
        assert_eq!(settings.listen_client, [SocketAddr::from(([127, 0, 0, 1], 2379))]);
        assert_eq!(settings.client_urls, ["http://localhost:2379"]);
        assert_eq!(settings.token, "etcd-cluster");
        assert_eq!(settings.heartbeat_interval, Duration::from_millis(100));
        assert_eq!(settings.election_timeout, Duration::from_secs(1));
        assert_eq!(settings.request_timeout(), Duration::from_secs(7));
        assert_eq!((settings.txn_ops, settings.request_bytes), (128, 1536 * 1024));
        assert_eq!(settings.concurrent_streams, u32::MAX);
        assert_eq!(settings.keepalive_interval, Duration::from_secs(7200));
        assert_eq!(settings.log_format, LogFormat::Json);
        assert!(settings.pre_vote && !settings.extensive_metrics);
        assert_eq!((settings.quota, settings.disk_reserve), (None, DiskReserve::Auto));
    }

    #[test]
    fn bounds_of_space_are_those_that_were_given() {
        for (quota, bytes) in [("0", None), ("-1", None), ("1048576", Some(1 << 20))] {
            let given = [("quota-backend-bytes", quota), ("disk-reserve-bytes", "4096")];
            let settings = settings(&given).expect("they can be followed");
            let found = (settings.quota, settings.disk_reserve);
            assert_eq!(found, (bytes, DiskReserve::Bytes(4096)));
        }
    }

    #[test]
    fn the_folder_is_named_after_the_member() {
        let settings = settings(&[("name", "n1")]).expect("it can be followed");
        assert_eq!(settings.data_dir, PathBuf::from("n1.balsa"));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let client = "http://127.0.0.1:1";
        for (given, why) in [
            (&[("name", "")][..], "a name is needed"),
            (&[("heartbeat-interval", "0")], "greater than 0"),
            (&[("heartbeat-interval", "x")], "no whole number"),
            (&[("heartbeat-interval", "300")], "5 times"),
            (&[("election-timeout", "60000")], "at most"),
            (&[("quota-backend-bytes", "2G")], "no whole number"),
            (&[("disk-reserve-bytes", "-1")], "no whole number"),
            (&[("listen-client-urls", client)], "--advertise-client-urls is required"),
            (&[("listen-client-urls", "")], "a URL is needed"),
            (&[("listen-peer-urls", "http://127.0.0.1:1,http://127.0.0.1:2")], "only one"),
            (&[("listen-metrics-urls", "https://127.0.0.1:1")], "TLS"),
            (&[("initial-cluster-state", "old")], "one of new, existing"),
            (&[("metrics", "few")], "one of basic, extensive"),
            (&[("log-level", "loud")], "one of debug"),
            (&[("log-format", "xml")], "one of json, console"),
            (&[("auto-compaction-mode", "never")], "one of periodic, revision"),
            (&[("snapshot-count", "0")], "greater than 0"),
            (&[("max-concurrent-streams", "4294967296")], "at most"),
            (&[("grpc-keepalive-timeout", "5")], "no time"),
            (&[("pre-vote", "maybe")], "neither true nor false"),
        ] {
            let refused = settings(given).expect_err(why).to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
