//! What HTTP/2's frames are, told by their first bytes (RFC 9113, 4.1).

/// What a client of HTTP/2 sends first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Length, type, flags, stream.
const HEAD_BYTES: usize = 9;

/// The frames that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Data, or headers.
    Content,
    /// A ping that wants an answer.
    Ping,
    /// Any other.
    Other,
}

/// Finds frames in bytes that come piece by piece.
#[derive(Debug)]
pub struct Frames {
    state: State,
}

#[derive(Debug)]
enum State {
    /// So many bytes of the preface were there.
    Preface(usize),
    /// So many bytes of a head are known.
    Head([u8; HEAD_BYTES], usize),
    /// So many bytes of a frame are yet to come.
    Payload(usize),
    /// It is not HTTP/2.
    Foreign,
}

impl Frames {
    /// What a client sends.
    pub fn of_client() -> Frames {
        Frames { state: State::Preface(0) }
    }

    /// What a server sends to a client of HTTP/2.
    pub fn of_server() -> Frames {
        Frames { state: State::Head([0; HEAD_BYTES], 0) }
    }

    /// Whether the preface of HTTP/2 was there.
    pub fn is_http2(&self) -> bool {
        matches!(self.state, State::Head(..) | State::Payload(_))
    }

    /// Whether no frame is half through.
    pub fn is_between_frames(&self) -> bool {
        matches!(self.state, State::Head(_, 0))
    }

    /// Goes through more bytes and tells each frame that begins in them.
    pub fn scan(&mut self, mut bytes: &[u8], mut found: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            let taken = match &mut self.state {
                State::Foreign => return,
                State::Preface(seen) => {
                    let taken = bytes.len().min(PREFACE.len() - *seen);
                    if bytes[..taken] != PREFACE[*seen..*seen + taken] {
                        self.state = State::Foreign;
                        return;
                    }
                    *seen += taken;
                    if *seen == PREFACE.len() {
                        self.state = State::Head([0; HEAD_BYTES], 0);
                    }
                    taken
                }
                State::Head(head, known) => {
                    let taken = bytes.len().min(HEAD_BYTES - *known);
                    head[*known..*known + taken].copy_from_slice(&bytes[..taken]);
                    *known += taken;
                    if *known == HEAD_BYTES {
                        let (frame, length) = read(head);
                        found(frame);
                        self.state = behind(length);
                    }
                    taken
                }
                State::Payload(left) => {
                    let taken = bytes.len().min(*left);
                    self.state = behind(*left - taken);
                    taken
                }
            };
            bytes = &bytes[taken..];
        }
    }
}

/// What comes behind, with so many bytes of the frame left.
fn behind(left: usize) -> State {
    if left == 0 { State::Head([0; HEAD_BYTES], 0) } else { State::Payload(left) }
}

fn read(head: &[u8; HEAD_BYTES]) -> (Frame, usize) {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const PING: u8 = 6;
    const ACK: u8 = 1;
    let [a, b, c, kind, flags, ..] = *head;
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    let frame = match kind {
        DATA | HEADERS => Frame::Content,
        PING if flags & ACK == 0 => Frame::Ping,
        _ => Frame::Other,
    };
    (frame, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        // A payload that looks like pings must not be taken for some.
        bytes.resize(HEAD_BYTES + usize::from(length), 6);
        bytes
    }

    fn found(pieces: &[&[u8]]) -> (Vec<Frame>, Frames) {
        let mut frames = Frames::of_client();
        let mut found = Vec::new();
        for piece in pieces {
            frames.scan(piece, |frame| found.push(frame));
        }
        (found, frames)
    }

    #[test]
    fn frames_are_found_however_the_bytes_come() {
        let bytes = [
            PREFACE.to_vec(),
            frame(4, 0, 0),
            frame(1, 4, 30),
            frame(0, 1, 200),
            frame(6, 0, 8),
            frame(6, 1, 8),
            frame(8, 0, 4),
        ]
        .concat();
        use Frame::{Content, Other, Ping};
        let expected = [Other, Content, Content, Ping, Other, Other];
        for size in 1..=bytes.len() {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            let (found, frames) = found(&pieces);
            assert_eq!(found, expected, "in pieces of {size}");
            assert!(frames.is_http2() && frames.is_between_frames());
        }
    }

    #[test]
    fn what_is_not_http2_is_left_alone() {
        let (found, frames) = found(&[b"PRI", b" /health HTTP/1.1\r\n\r\n", &frame(6, 0, 8)]);
        assert_eq!(found, []);
        assert!(!frames.is_http2());
    }

    #[test]
    fn a_frame_half_through_is_noticed() {
        let mut frames = Frames::of_server();
        assert!(frames.is_between_frames());
        frames.scan(&frame(0, 0, 8)[..10], |_| {});
        assert!(!frames.is_between_frames());
    }
}
