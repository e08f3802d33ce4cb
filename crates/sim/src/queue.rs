//! What is going to happen, in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use raft_core::Time;

/// A queue of events ordered by their time; those of one moment come in the
/// order in which they were put in, so that a run is one sequence and no other.
#[derive(Debug)]
pub struct EventQueue<E> {
    heap: BinaryHeap<Reverse<Item<E>>>,
    /// How many events were ever put in.
    pushed: u64,
}

impl<E> Default for EventQueue<E> {
    fn default() -> EventQueue<E> {
        EventQueue { heap: BinaryHeap::new(), pushed: 0 }
    }
}

impl<E> EventQueue<E> {
    /// Puts an event in.
    pub fn push(&mut self, at: Time, event: E) {
        self.heap.push(Reverse(Item { at, sequence: self.pushed, event }));
        self.pushed += 1;
    }

    /// Takes the next event out.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        self.heap.pop().map(|Reverse(item)| (item.at, item.event))
    }

    /// When the next event is due.
    pub fn next_time(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(item)| item.at)
    }
}

#[derive(Debug)]
struct Item<E> {
    at: Time,
    sequence: u64,
    event: E,
}

impl<E> PartialEq for Item<E> {
    fn eq(&self, other: &Item<E>) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<E> Eq for Item<E> {}

impl<E> PartialOrd for Item<E> {
    fn partial_cmp(&self, other: &Item<E>) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Item<E> {
    fn cmp(&self, other: &Item<E>) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_put_in() {
        let mut queue = EventQueue::default();
        for (at, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b'), (5, 'e')] {
            queue.push(Time(at), event);
        }
        assert_eq!(queue.next_time(), Some(Time(1)));
        let order: String = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(order, "abcde");
        assert_eq!(queue.next_time(), None);
    }
}
