//! Telling systemd how the node is.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Tells systemd a state, as `READY=1`, if it started this process and wants to know.
pub fn notify(state: &str) {
    let Some(path) = env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(path.as_encoded_bytes(), state) {
        tracing::warn!(state, %error, "systemd was not told");
    }
}

/// A path that begins with `@` is a name in the abstract namespace.
fn send(path: &[u8], state: &str) -> io::Result<()> {
    let address = match path.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => {
            let path = std::str::from_utf8(path).map_err(io::Error::other)?;
            SocketAddr::from_pathname(path)?
        }
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> Vec<u8> {
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).expect("something was sent");
        buffer[..length].to_vec()
    }

    #[test]
    fn a_state_is_sent_to_a_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("the path is free");
        send(path.as_os_str().as_encoded_bytes(), "READY=1").expect("somebody listens");
        assert_eq!(received(&socket), b"READY=1");
    }

    #[test]
    fn a_state_is_sent_to_an_abstract_name() {
        let name = format!("balsa-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let socket = UnixDatagram::bind_addr(&address).expect("the name is free");
        send(format!("@{name}").as_bytes(), "STOPPING=1").expect("somebody listens");
        assert_eq!(received(&socket), b"STOPPING=1");
    }

    #[test]
    fn nobody_there_is_an_error() {
        assert!(send(b"/nowhere/notify", "READY=1").is_err());
    }
}
