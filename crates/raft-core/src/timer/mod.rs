//! Time: when something is due, and the jitter of elections.
//!
//! There are no ticks. Each role knows the moment at which it must act next;
//! [`Raft::next_wakeup`](crate::Raft::next_wakeup) is the earliest, and [`Event::Wakeup`](crate::Event)
//! does all that is due. No other event fires a timer, so after a pause the
//! caller can hand over the messages that lie in the inbox before anything is
//! concluded from the silence (rule 14).

mod jitter;
mod wakeup;

pub(crate) use jitter::Jitter;
