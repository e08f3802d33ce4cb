//! Connections to servers.
//!
//! A command has one deadline. Until then the endpoints are tried in their order, again
//! and again, so that a server that is just starting is waited for; each attempt has the
//! time of `--dial-timeout`.

use std::time::Duration;

use etcd_client::{Client, ConnectOptions, KvClient};
use prost::Message;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::transport::{Channel, Endpoint};

use crate::failure::{Exit, Failure};
use crate::settings::{Settings, not_protected};

/// How long to wait after no endpoint could be reached.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest messages, in bytes.
struct Limits {
    request: usize,
    response: usize,
}

/// A connection to one server.
pub struct Connection {
    /// The client of the etcd API on it.
    pub client: Client,
    /// The connection itself, for requests that the client cannot express.
    pub channel: Channel,
    limits: Limits,
}

impl Connection {
    /// Connects to the first endpoint that answers.
    ///
    /// # Errors
    /// An endpoint is malformed or asks for TLS, none answers before the deadline, or the
    /// user is refused.
    pub async fn open(
        settings: &Settings,
        endpoints: &[String],
        deadline: Instant,
    ) -> Result<Connection, Failure> {
        let targets = endpoints
            .iter()
            .map(|endpoint| target(endpoint, settings))
            .collect::<Result<Vec<_>, _>>()?;
        if targets.is_empty() {
            return Err(Failure::new(Exit::BadConnection, "etcdclient: no available endpoints")
                .with_hint("name the servers with --endpoints"));
        }
        let channel = dial(&targets, endpoints, deadline).await?;
        let options = settings.user.as_ref().map(|(name, password)| {
            ConnectOptions::new().with_user(name.as_str(), password.as_str())
        });
        let client = timeout_at(
            deadline,
            Client::from_channel(etcd_client::Channel::Tonic(channel.clone()), options),
        )
        .await
        .map_err(|_| Failure::deadline())?
        .map_err(|error| Failure { exit: Exit::BadConnection, ..Failure::from(error) })?;
        Ok(Connection {
            client,
            channel,
            limits: Limits {
                request: settings.max_request_bytes,
                response: settings.max_recv_bytes,
            },
        })
    }

    /// The client for keys, which takes answers up to the limit.
    pub fn kv(&self) -> KvClient {
        self.client.kv_client().max_decoding_message_size(self.limits.response)
    }

    /// Refuses a request that is too long, before any of it is sent.
    ///
    /// # Errors
    /// It is too long.
    pub fn check_length(&self, request: &impl Message) -> Result<(), Failure> {
        let size = request.encoded_len();
        if size > self.limits.request {
            return Err(Failure::too_long(size, self.limits.request));
        }
        Ok(())
    }
}

/// Runs a command that needs one connection, up to the deadline.
///
/// # Errors
/// Those of the connection and of the command; the deadline.
pub async fn within<T>(
    settings: &Settings,
    endpoints: &[String],
    ask: impl AsyncFnOnce(Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + settings.command_timeout;
    let connection = Connection::open(settings, endpoints, deadline).await?;
    timeout_at(deadline, ask(connection)).await.unwrap_or_else(|_| {
        Err(Failure::deadline().with_hint(
            "the server took the request and did not answer: `kvctl endpoint status` shows whether there is a leader",
        ))
    })
}

async fn dial(
    targets: &[Endpoint],
    names: &[String],
    deadline: Instant,
) -> Result<Channel, Failure> {
    let mut problem = "no attempt was finished".to_owned();
    loop {
        for (target, name) in targets.iter().zip(names) {
            match timeout_at(deadline, target.connect()).await {
                Ok(Ok(channel)) => return Ok(channel),
                Ok(Err(error)) => problem = format!("{name}: {}", innermost(&error)),
                Err(_) => return Err(unreachable(names, &problem)),
            }
        }
        if timeout_at(deadline, sleep(PAUSE)).await.is_err() {
            return Err(unreachable(names, &problem));
        }
    }
}

fn unreachable(names: &[String], problem: &str) -> Failure {
    Failure::deadline().with_hint(format_args!(
        "no connection to {} ({problem}): is a server running there? --endpoints names others",
        names.join(", ")
    ))
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn target(endpoint: &str, settings: &Settings) -> Result<Endpoint, Failure> {
    if endpoint.starts_with("https://") {
        return Err(not_protected(&format!("the endpoint {endpoint}")));
    }
    let url =
        if endpoint.contains("://") { endpoint.to_owned() } else { format!("http://{endpoint}") };
    let malformed = |reason: String| {
        Failure::new(Exit::BadArguments, format!("the endpoint {endpoint} is no address: {reason}"))
            .with_hint("endpoints look like 127.0.0.1:2379 or http://host:2379")
    };
    if !url.starts_with("http://") {
        return Err(malformed("only http:// is known".to_owned()));
    }
    let target = Endpoint::from_shared(url).map_err(|error| malformed(innermost(&error)))?;
    Ok(target
        .connect_timeout(settings.dial_timeout)
        .http2_keep_alive_interval(settings.keepalive_time)
        .keep_alive_timeout(settings.keepalive_timeout))
}
