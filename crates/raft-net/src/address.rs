//! Where a peer listens.

use std::fmt;
use std::str::FromStr;

/// Host and port of a peer. Written `host:port` or `http://host:port`; the host is
/// a name, an IPv4 address, or an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerAddress {
    host: String,
    port: u16,
}

/// A text that is no peer's address; says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no peer address: {why}")]
pub struct InvalidAddress {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl PeerAddress {
    /// The address as a URL.
    pub fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }
}

impl FromStr for PeerAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<PeerAddress, InvalidAddress> {
        let invalid = |why| InvalidAddress { text: text.to_owned(), why };
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest.strip_suffix('/').unwrap_or(rest),
            Some(("https", _)) => return Err(invalid("TLS between peers is not supported")),
            Some(_) => return Err(invalid("the scheme must be http")),
            None => text,
        };
        let (host, port) = rest.rsplit_once(':').ok_or_else(|| invalid("the port is missing"))?;
        let port = port.parse().map_err(|_| invalid("the port is no number up to 65535"))?;
        if port == 0 {
            return Err(invalid("nobody listens on port 0"));
        }
        check_host(host).map_err(invalid)?;
        Ok(PeerAddress { host: host.to_owned(), port })
    }
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let in_brackets = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = in_brackets {
        return match address.parse::<std::net::Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err("between the brackets is no IPv6 address"),
        };
    }
    if host.is_empty() {
        return Err("the host is missing");
    }
    if host.contains(':') {
        return Err("an IPv6 address needs brackets");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !host.chars().all(plain) {
        return Err("the host holds a character that no host name has");
    }
    Ok(())
}

impl From<std::net::SocketAddr> for PeerAddress {
    fn from(address: std::net::SocketAddr) -> PeerAddress {
        let host = match address.ip() {
            std::net::IpAddr::V4(ip) => ip.to_string(),
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        };
        PeerAddress { host, port: address.port() }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_scheme() {
        for (text, url) in [
            ("127.0.0.1:2380", "http://127.0.0.1:2380"),
            ("http://node-1.example:2380", "http://node-1.example:2380"),
            ("http://[::1]:2380/", "http://[::1]:2380"),
        ] {
            assert_eq!(text.parse::<PeerAddress>().map(|address| address.url()), Ok(url.into()));
        }
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_with_the_reason() {
        for (text, why) in [
            ("https://a:1", "TLS"),
            ("ftp://a:1", "scheme"),
            ("a", "port is missing"),
            ("a:x", "no number"),
            ("a:70000", "no number"),
            ("a:0", "port 0"),
            (":1", "host is missing"),
            ("::1:2380", "brackets"),
            ("[x]:2380", "no IPv6"),
            ("a/b:1", "character"),
            ("http://a:1/path", "no number"),
        ] {
            let error = text.parse::<PeerAddress>().expect_err(text);
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
