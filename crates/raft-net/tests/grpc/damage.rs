//! Bits that flip on the way between two nodes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use raft_core::Body;
use raft_net::grpc::Options;
use raft_net::{Frame, FrameBody, Peer, Transport, TransportEvent};

use crate::support::{PATIENCE, TestNode, append, appended, identity, listen, until};

/// Which bit of the next piece that passes is to be flipped.
type Armed = Arc<Mutex<Option<usize>>>;

/// Appends of this size fill one piece with all that is around them.
const PAYLOAD: usize = 100;
const PIECE_BITS: usize = 8 * (PAYLOAD + 60);

/// How often it is looked what came.
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// Carries connections to a node, and flips a bit in what is sent to it when told to.
fn bad_line(listener: TcpListener, target: SocketAddr, armed: Armed) {
    thread::spawn(move || {
        // They end with the nodes at their ends.
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(target) else { continue };
            for stream in [&near, &far] {
                stream.set_nodelay(true).expect("a socket that is open can be set");
            }
            let back = (far.try_clone(), near.try_clone());
            let (Ok(far_in), Ok(near_out)) = back else { continue };
            let armed = Arc::clone(&armed);
            thread::spawn(move || carry(near, far, Some(&armed)));
            thread::spawn(move || carry(far_in, near_out, None));
        }
    });
}

fn carry(mut from: TcpStream, mut to: TcpStream, armed: Option<&Armed>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let armed = armed.and_then(|armed| armed.lock().expect("nobody panics with it").take());
        if let Some(bit) = armed {
            let bit = bit % (8 * length);
            buffer[bit / 8] ^= 1 << (bit % 8);
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        // Closed already, it need not be closed again.
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }
}

fn messages(node: &TestNode) -> Vec<Body> {
    let frames = node.events_so_far().into_iter().filter_map(|event| match event {
        TransportEvent::Frame { frame: Frame { body: FrameBody::Raft(message), .. }, .. } => {
            Some(message.body)
        }
        _ => None,
    });
    frames.collect()
}

/// Whatever bit it is, what arrives is what was sent, and what does not arrive is dialled
/// anew for.
#[test]
fn no_flipped_bit_gets_through() {
    // A flipped bit in HTTP's own lengths is found by a sign of life that does not come.
    let quick = Options {
        backoff_min: Duration::from_millis(1),
        backoff_max: Duration::from_millis(2),
        keepalive_interval: Duration::from_millis(200),
        keepalive_timeout: Duration::from_millis(200),
        ..Options::default()
    };
    let one = TestNode::start(listen(40, 1), identity(1, 101), quick.clone());
    let two = TestNode::start(listen(40, 2), identity(2, 102), quick);
    let (line, armed) = (listen(40, 3), Armed::default());
    let address = line.local_addr().expect("it is bound").into();
    bad_line(line, two.address, Arc::clone(&armed));
    one.transport.set_peers(vec![Peer { addresses: vec![address], ..two.as_peer() }]);
    until("the lanes are open", || one.counts_of(&two).streams_open == 2);

    let mut index = 1;
    for bit in (0..PIECE_BITS).step_by(5) {
        *armed.lock().expect("nobody panics with it") = Some(bit);
        let first = index;
        let (began, broken) = (Instant::now(), one.counts_of(&two).lanes_broken);
        // Sent until one arrives behind that with the flipped bit, on this lane or the next.
        loop {
            one.send(&two, append(index, PAYLOAD));
            index += 1;
            thread::sleep(LOOK_AGAIN);
            let came = messages(&two);
            for body in &came {
                assert_eq!(*body, append(appended(body), PAYLOAD), "bit {bit} came through");
            }
            let is_used = armed.lock().expect("nobody panics with it").is_none();
            if is_used && came.iter().any(|body| appended(body) > first) {
                break;
            }
            let broken = one.counts_of(&two).lanes_broken - broken;
            assert!(began.elapsed() < PATIENCE, "nothing comes after bit {bit}; {broken} broken");
        }
    }
    let (sent, counts) = (one.counts_of(&two), two.counts_of(&one));
    println!("{} lanes broken, {counts:?}", sent.lanes_broken);
    assert!(counts.messages_damaged > PIECE_BITS as u64 / 20, "{counts:?}");
    assert!(counts.streams_refused >= counts.messages_damaged, "{counts:?}");
    assert_eq!(counts.lives_gone, 0, "{counts:?}");
}
