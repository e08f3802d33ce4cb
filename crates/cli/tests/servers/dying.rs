//! Servers that are gone, or refuse, once they have a request.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::node::{Node, address};
use super::{endpoint, run};

/// What a client sends before its first frame.
const PREFACE: usize = 24;
/// The head of a frame.
const HEAD: usize = 9;
/// The type of a frame that begins a request.
const HEADERS: u8 = 1;
/// A frame of settings that leaves all as it is.
const SETTINGS: [u8; HEAD] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
/// A frame that says that the first stream was not looked at (REFUSED_STREAM).
const REFUSAL: [u8; HEAD + 4] = [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7];

/// What a server does with its first request.
#[derive(Clone, Copy)]
enum Does {
    /// It closes the connection, as when its process is killed.
    Dies,
    /// It says that it does not look at it.
    Refuses,
    /// It works on it for longer than anybody waits.
    Lingers,
}

/// A server, and how many requests have come to it.
struct Faulty {
    endpoint: String,
    requests: Arc<AtomicUsize>,
}

impl Faulty {
    fn start(does: Does) -> Faulty {
        let listener = TcpListener::bind((address(), 2379)).expect("the address is this test's");
        let endpoint = listener.local_addr().expect("it is bound").to_string();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away earlier is none that was answered.
                let _ = serve(stream, does, &counted);
            }
        });
        Faulty { endpoint, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, does: Does, requests: &AtomicUsize) -> std::io::Result<()> {
    stream.read_exact(&mut [0; PREFACE])?;
    stream.write_all(&SETTINGS)?;
    loop {
        let mut head = [0; HEAD];
        stream.read_exact(&mut head)?;
        let length = u64::from(u32::from_be_bytes([0, head[0], head[1], head[2]]));
        std::io::copy(&mut (&stream).take(length), &mut std::io::sink())?;
        if head[3] == HEADERS {
            requests.fetch_add(1, Ordering::SeqCst);
            match does {
                Does::Dies => return Ok(()),
                Does::Refuses => stream.write_all(&REFUSAL)?,
                Does::Lingers => {}
            }
        }
    }
}

#[test]
fn a_read_goes_on_to_the_next_server() {
    let faulty = Faulty::start(Does::Dies);
    let host = address();
    let _node = Node::start(&host);
    let endpoints = [faulty.endpoint.clone(), endpoint(&host)];
    for line in ["get a", "get a --stream", "member list"] {
        let before = faulty.requests();
        let read = run(&endpoints, &format!("{line} --command-timeout 30s"));
        assert_eq!(read.code, Some(0), "{line}: {}", read.stderr);
        assert_eq!(faulty.requests(), before + 1, "{line}");
    }
}

#[test]
fn a_write_that_was_cut_off_is_told_and_not_repeated() {
    let faulty = Faulty::start(Does::Dies);
    let host = address();
    let _node = Node::start(&host);
    let endpoints = [faulty.endpoint.clone(), endpoint(&host)];
    for line in ["put cut off", "del cut", "compaction 1"] {
        let write = run(&endpoints, &format!("{line} --command-timeout 30s"));
        assert_eq!(write.code, Some(1), "{line}: {}", write.stderr);
        let words = "Error: rpc error: code = Unavailable desc = the connection broke before the answer came: ";
        assert!(write.stderr.starts_with(words), "{line}: {}", write.stderr);
        assert!(write.stderr.contains("kvctl: whether the write was done is not known"), "{line}");
    }
    assert_eq!(faulty.requests(), 3);
    let get = run(&endpoints[1..], "get cut");
    assert_eq!((get.code, get.stdout.as_str()), (Some(0), ""), "{}", get.stderr);
}

#[test]
fn a_write_that_was_certainly_not_done_goes_on_to_the_next_server() {
    let faulty = Faulty::start(Does::Refuses);
    let host = address();
    let _node = Node::start(&host);
    let endpoints = [faulty.endpoint.clone(), endpoint(&host)];
    let put = run(&endpoints, "put colour green --command-timeout 30s");
    assert_eq!((put.code, put.stdout.as_str()), (Some(0), "OK\n"), "{}", put.stderr);
    assert_eq!(faulty.requests(), 1);
}

#[test]
fn what_an_answer_that_comes_too_late_means_is_told() {
    let faulty = Faulty::start(Does::Lingers);
    let endpoints = [faulty.endpoint.clone()];
    for (line, words) in [
        ("put a b", "whether the write was done is not known, read before you repeat it"),
        ("defrag", "goes on with it, and reads and writes go on beside"),
    ] {
        let ended = run(&endpoints, &format!("{line} --command-timeout 500ms"));
        assert_eq!(ended.code, Some(1), "{line}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{line}: {}", ended.stderr);
    }
}
