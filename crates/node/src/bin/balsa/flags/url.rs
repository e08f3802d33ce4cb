//! The URLs at which a node listens and is reached.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Url {
    host: String,
    port: u16,
}

impl Url {
    /// Reads a URL; says what is wrong with it.
    pub fn parse(text: &str) -> Result<Url, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err("URL scheme must be http, as in http://localhost:2379".to_owned());
        };
        match scheme {
            "http" => {}
            "https" => return Err("TLS is not built yet, so https is refused".to_owned()),
            "unix" | "unixs" => return Err("Unix sockets are not built yet".to_owned()),
            _ => return Err("URL scheme must be http".to_owned()),
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err("URL must not contain a path".to_owned());
        }
        let (host, port) =
            rest.rsplit_once(':').ok_or("URL address does not have the form \"host:port\"")?;
        let port = port.parse().map_err(|_| "the port must be a number up to 65535")?;
        if host.contains(':') {
            let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            inner
                .and_then(|host| host.parse::<Ipv6Addr>().ok())
                .ok_or("an IPv6 address must be in brackets")?;
        } else if host.is_empty() || host.contains(char::is_whitespace) {
            return Err("the host is missing".to_owned());
        }
        Ok(Url { host: host.to_owned(), port })
    }

    /// Reads URLs with commas between them; sorted, each once.
    pub fn parse_all(text: &str) -> Result<Vec<Url>, String> {
        let mut urls = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            urls.push(Url::parse(part).map_err(|why| format!("{part}: {why}"))?);
        }
        urls.sort();
        urls.dedup();
        Ok(urls)
    }

    /// The address to listen at. A name other than `localhost` is refused: where it
    /// leads may change.
    pub fn bind_address(&self) -> Result<SocketAddr, String> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, self.port));
        }
        if self.host != "localhost" {
            return Err(format!("expected IP in URL for binding ({self})"));
        }
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let found: Vec<SocketAddr> =
            found.map_err(|error| format!("cannot find localhost: {error}"))?.collect();
        let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
        first.copied().ok_or_else(|| "localhost has no address".to_owned())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_sorted_and_each_is_there_once() {
        let urls = Url::parse_all("http://b:2, http://a:1/,http://b:2").expect("they are sound");
        let texts: Vec<String> = urls.iter().map(Url::to_string).collect();
        assert_eq!(texts, ["http://a:1", "http://b:2"]);
        assert_eq!(Url::parse_all(""), Ok(Vec::new()));
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        for (text, why) in [
            ("localhost:2379", "scheme"),
            ("https://a:1", "TLS"),
            ("unix://a:1", "Unix"),
            ("ftp://a:1", "scheme"),
            ("http://a", "host:port"),
            ("http://a:b", "port"),
            ("http://a:70000", "port"),
            ("http://a:1/b", "path"),
            ("http://:1", "host"),
            ("http://::1:1", "brackets"),
        ] {
            let refused = Url::parse(text).expect_err(text);
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn only_addresses_are_listened_at() {
        let bind = |text| Url::parse(text).expect("it is sound").bind_address();
        assert_eq!(bind("http://0.0.0.0:1"), Ok("0.0.0.0:1".parse().expect("an address")));
        assert_eq!(bind("http://[::1]:1"), Ok("[::1]:1".parse().expect("an address")));
        assert!(bind("http://localhost:1").is_ok_and(|address| address.ip().is_loopback()));
        assert!(bind("http://example.com:1").is_err_and(|why| why.contains("expected IP")));
    }
}
