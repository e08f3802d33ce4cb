//! Connections to servers.
//!
//! A command has one deadline, which bounds everything. Until then a server is looked
//! for among the endpoints ([`dial`]), and asked. If the connection breaks, or the
//! server says that it is not available, a read is asked of the next one; a write only
//! if it is certain that nothing of it was done ([`fault`]), for it must not be done
//! twice.

mod dial;
mod fault;
mod greeting;
mod target;

use std::time::Duration;

use etcd_client::{Client, ConnectOptions, KvClient};
use prost::Message;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::transport::Channel;

use crate::failure::{Exit, Failure, Repeat};
use crate::settings::Settings;
use dial::Servers;
pub use fault::Fault;

/// How long to wait before a request is repeated.
const PAUSE: Duration = Duration::from_millis(25);

/// What a request does to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Nothing: it can be asked again at will.
    Read,
    /// It changes something.
    Write,
    /// It takes long, and goes on at the server whether anybody waits for it or not. It
    /// does no harm to ask for it again.
    Upkeep,
}

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
    /// A client on an open channel.
    ///
    /// # Errors
    /// The user is refused. What the user asks for has not been sent by then.
    async fn new(settings: &Settings, channel: Channel) -> Result<Connection, Failure> {
        let options = settings.user.as_ref().map(|(name, password)| {
            ConnectOptions::new().with_user(name.as_str(), password.as_str())
        });
        let client =
            Client::from_channel(etcd_client::Channel::Tonic(channel.clone()), options).await;
        let client = client.map_err(|error| {
            let failure = Failure::from(error);
            let repeat = match failure.repeat {
                Repeat::Never => Repeat::Never,
                Repeat::OfReads | Repeat::OfAll => Repeat::OfAll,
            };
            Failure { exit: Exit::BadConnection, repeat, ..failure }
        })?;
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

/// Runs a command that needs one connection, up to the deadline; on other connections
/// again where its purpose allows that.
///
/// # Errors
/// Those of the connection and of the command; the deadline.
pub async fn within<T>(
    settings: &Settings,
    endpoints: &[String],
    purpose: Purpose,
    ask: impl AsyncFn(Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + settings.command_timeout;
    let mut servers = Servers::new(settings, endpoints)?;
    let mut last: Option<String> = None;
    loop {
        let (number, channel) =
            servers.dial(deadline).await.map_err(|failure| with(failure, &last))?;
        let asked =
            timeout_at(deadline, async { ask(Connection::new(settings, channel).await?).await });
        let failure = match asked.await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(failure)) => failure,
            Err(_) => return Err(unanswered(servers.name(number), purpose)),
        };
        let again = match failure.repeat {
            Repeat::Never => false,
            Repeat::OfReads => purpose != Purpose::Write,
            Repeat::OfAll => true,
        };
        if !again {
            return Err(told(failure, purpose));
        }
        last = Some(format!("{}: {}", servers.name(number), failure.words()));
        servers.avoid(number);
        if timeout_at(deadline, sleep(PAUSE)).await.is_err() {
            return Err(with(Failure::deadline(), &last));
        }
    }
}

/// The failure with what went wrong before it.
fn with(failure: Failure, last: &Option<String>) -> Failure {
    match last {
        Some(last) => failure.with_hint(format_args!("the last attempt failed: {last}")),
        None => failure,
    }
}

/// The failure of a request whose answer did not come in time.
fn unanswered(server: &str, purpose: Purpose) -> Failure {
    let outcome = match purpose {
        Purpose::Read => "",
        Purpose::Write => "; whether the write was done is not known, read before you repeat it",
        Purpose::Upkeep => {
            return Failure::deadline().with_hint(format_args!(
                "{server} goes on with it, and reads and writes go on beside; \
                 --command-timeout waits longer for the end"
            ));
        }
    };
    Failure::deadline().with_hint(format_args!(
        "{server} took the request and did not answer in time{outcome}. `kvctl endpoint status` \
         shows whether there is a leader, --command-timeout gives more time"
    ))
}

/// The failure with what it means for a write.
fn told(failure: Failure, purpose: Purpose) -> Failure {
    if failure.hint.is_none() && failure.repeat == Repeat::OfReads && purpose == Purpose::Write {
        return failure
            .with_hint("whether the write was done is not known: read before you repeat it");
    }
    failure
}
