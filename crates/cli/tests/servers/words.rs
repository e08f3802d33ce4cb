//! Errors that say what to do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;

use super::node::address;
use super::{Run, kvctl, run, run_command};

/// A server that answers everybody with the same bytes, and closes.
fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind((address(), 2379)).expect("the address is this test's");
    let endpoint = listener.local_addr().expect("it is bound").to_string();
    // It ends with the test's process.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A client that goes away earlier needs no answer.
            let _ = stream.read(&mut [0; 64]).and_then(|_| stream.write_all(bytes));
        }
    });
    endpoint
}

fn get(endpoint: &str) -> Run {
    run(&[endpoint.to_owned()], "get a --command-timeout 1s")
}

#[test]
fn what_listens_in_the_place_of_a_server_is_named() {
    let tls = answering(b"\x15\x03\x01\x00\x02\x02\x46");
    let old = answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let other = answering(b"220 mail.example ESMTP\r\n");
    let mute = answering(b"");
    for (endpoint, words) in [
        (tls, "it asks for TLS, which kvctl does not speak yet"),
        (old, "it speaks HTTP/1 only: is this the port for clients?"),
        (other, "it does not speak HTTP/2: is this the port for clients?"),
        (mute, "it took the connection and closed it again"),
        (format!("{}:2379", address()), "connection refused: nothing listens on port 2379"),
    ] {
        let get = get(&endpoint);
        assert_eq!(get.code, Some(1), "{}", get.stderr);
        assert!(get.stderr.starts_with("Error: context deadline exceeded\n"), "{}", get.stderr);
        let advice = format!("kvctl: no connection to {endpoint} ({words}");
        assert!(get.stderr.contains(&advice), "{words}: {}", get.stderr);
        assert!(get.stderr.contains("--endpoints names others"), "{}", get.stderr);
    }
}

#[test]
fn a_bad_endpoint_is_told_at_once() {
    for (endpoint, words) in [
        ("https://127.0.0.1:2379", "https://127.0.0.1:2379 is not supported"),
        ("ftp://127.0.0.1:2379", "only http:// is known"),
        ("http://", "is no address"),
        ("127.0.0.1:port", "is no address"),
    ] {
        let get = run(&[endpoint.to_owned()], "get a --command-timeout 60s");
        assert_eq!(get.code, Some(128), "{endpoint}: {}", get.stderr);
        assert!(get.stderr.contains(words), "{endpoint}: {}", get.stderr);
        assert!(get.stderr.contains("\nkvctl: "), "{endpoint}: {}", get.stderr);
    }
}

#[test]
fn input_without_an_end_is_refused() {
    let endless = std::fs::File::open("/dev/zero").expect("every system has it");
    let mut command = kvctl();
    command.args(["put", "a", "--endpoints", &format!("{}:2379", address())]);
    let also_endless = endless.try_clone().expect("a descriptor");
    let put = run_command(command.stdin(Stdio::from(endless)));
    assert_eq!(put.code, Some(1), "{}", put.stderr);
    let words = "Error: rpc error: code = ResourceExhausted desc = trying to send message larger than max (over 2097152 vs. 2097152)\n";
    assert!(put.stderr.starts_with(words), "{}", put.stderr);

    let mut command = kvctl();
    command.args(["txn", "--endpoints", &format!("{}:2379", address())]);
    let txn = run_command(command.stdin(Stdio::from(also_endless)));
    assert_eq!(txn.code, Some(1), "{}", txn.stderr);
    assert!(txn.stderr.starts_with(words), "{}", txn.stderr);
}

#[test]
fn a_key_of_the_file_that_is_not_known_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, "endpoints: 127.0.0.1:1\nhexx: true\n").expect("a file");
    let get = run_command(kvctl().args(["get", "a"]).env("KVCTL_CONFIG", &path));
    assert_eq!(get.code, Some(128), "{}", get.stderr);
    let words = format!("Error: {}, line 2: unknown key \"hexx\"\n", path.display());
    assert!(get.stderr.starts_with(&words), "{}", get.stderr);
}

#[test]
fn shells_get_their_scripts() {
    for (shell, mark) in [
        ("bash", "complete -F _kvctl"),
        ("zsh", "#compdef kvctl"),
        ("fish", "complete -c kvctl"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = run_command(kvctl().args(["completion", shell]));
        assert_eq!((script.code, script.stderr.as_str()), (Some(0), ""), "{shell}");
        assert!(script.stdout.contains(mark), "{shell}: {}", script.stdout);
        assert!(script.stdout.contains("endpoints"), "{shell}");
        assert!(script.stdout.contains("compaction"), "{shell}");
    }
}
