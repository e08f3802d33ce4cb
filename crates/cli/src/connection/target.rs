//! One endpoint: how its name is read, and one attempt to connect to it.

use std::error::Error;
use std::future::{Ready, ready};
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint, Uri};
use tower_service::Service;

use super::greeting::{Greeted, Greeting};
use crate::failure::{Exit, Failure};
use crate::settings::{Settings, not_protected};

/// The port of an endpoint that names none.
const HTTP_PORT: u16 = 80;

/// An endpoint that can be connected to.
#[derive(Clone, Debug)]
pub struct Target {
    /// As it was given.
    pub name: String,
    endpoint: Endpoint,
    /// Host and port.
    address: (String, u16),
    dial_timeout: Duration,
}

impl Target {
    /// Reads an endpoint.
    ///
    /// # Errors
    /// It is malformed, or asks for TLS.
    pub fn new(name: &str, settings: &Settings) -> Result<Target, Failure> {
        if name.starts_with("https://") {
            return Err(not_protected(&format!("the endpoint {name}")));
        }
        let url = if name.contains("://") { name.to_owned() } else { format!("http://{name}") };
        let malformed = |reason: &str| {
            Failure::new(Exit::BadArguments, format!("the endpoint {name} is no address: {reason}"))
                .with_hint("endpoints look like 127.0.0.1:2379 or http://host:2379")
        };
        if !url.starts_with("http://") {
            return Err(malformed("only http:// is known"));
        }
        let endpoint = Endpoint::from_shared(url).map_err(|error| malformed(&innermost(&error)))?;
        let uri = endpoint.uri();
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| malformed("it has no host"))?;
        // A port that is no number would be passed over.
        let rest = uri.authority().map_or("", |authority| authority.as_str());
        let rest = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
        let port = match rest.strip_prefix(host).unwrap_or_default() {
            "" => HTTP_PORT,
            _ => uri.port_u16().ok_or_else(|| malformed("its port is no number up to 65535"))?,
        };
        // Brackets are part of the URL, not of an IPv6 address.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Target {
            name: name.to_owned(),
            endpoint: endpoint
                .http2_keep_alive_interval(settings.keepalive_time)
                .keep_alive_timeout(settings.keepalive_timeout),
            address: (host, port),
            dial_timeout: settings.dial_timeout,
        })
    }

    /// Connects, and waits for the server's greeting.
    ///
    /// # Errors
    /// Why there is no connection, in words.
    pub async fn connect(&self) -> Result<Channel, String> {
        match timeout(self.dial_timeout, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err("it does not answer within the dial timeout".to_owned()),
        }
    }

    async fn open(&self) -> Result<Channel, String> {
        let (host, port) = &self.address;
        let stream = TcpStream::connect((host.as_str(), *port)).await;
        let stream = stream.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                format!("connection refused: nothing listens on port {port}")
            }
            _ => innermost(&error),
        })?;
        stream.set_nodelay(true).map_err(|error| innermost(&error))?;
        let (stream, greeting) = Greeted::new(stream);
        let channel = self.endpoint.connect_with_connector(Once(Some(stream))).await;
        let channel = channel.map_err(|error| innermost(&error))?;
        match greeting.await {
            Ok(Greeting::Http2) => Ok(channel),
            Ok(Greeting::Tls) => {
                Err("it asks for TLS, which kvctl does not speak yet: name a port without it"
                    .to_owned())
            }
            Ok(Greeting::Http1) => {
                Err("it speaks HTTP/1 only: is this the port for clients?".to_owned())
            }
            Ok(Greeting::Other) => {
                Err("it does not speak HTTP/2: is this the port for clients?".to_owned())
            }
            Err(_) => Err("it took the connection and closed it again".to_owned()),
        }
    }
}

/// Hands out one open connection. A channel whose connection is gone does not open
/// another one behind our back: whether a request may be sent again is not its business.
struct Once(Option<Greeted>);

impl Service<Uri> for Once {
    type Response = TokioIo<Greeted>;
    type Error = io::Error;
    type Future = Ready<Result<Self::Response, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let gone = || io::Error::new(io::ErrorKind::NotConnected, "the connection is gone");
        ready(self.0.take().map(TokioIo::new).ok_or_else(gone))
    }
}

/// The last source of an error, which says most.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
