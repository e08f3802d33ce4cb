//! What must hold whatever happens is asserted, in release builds too: a node that
//! finds itself in an impossible state does no more harm when it stops.
//!
//! A simulation of planted bugs can pass these assertions over, to see whether its own
//! checks find the bug from outside. That takes the feature `planted-bugs`, and is said
//! for one thread and the length of one call.

/// Asserts a property of the protocol; the message says which.
macro_rules! invariant {
    ($holds:expr, $($what:tt)+) => {
        let holds: bool = $holds;
        if !holds {
            $crate::invariant::broken(format_args!($($what)+));
        }
    };
}

pub(crate) use invariant;

/// Ends the node.
#[cfg(not(feature = "planted-bugs"))]
#[cold]
#[track_caller]
pub(crate) fn broken(what: std::fmt::Arguments<'_>) -> ! {
    panic!("{what}")
}

#[cfg(feature = "planted-bugs")]
pub(crate) use passing_over::broken;
#[cfg(feature = "planted-bugs")]
pub use passing_over::pass_over_invariants;

#[cfg(feature = "planted-bugs")]
mod passing_over {
    use std::cell::Cell;
    use std::fmt;

    thread_local! {
        /// How many broken invariants were passed over; `None`: they panic.
        static PASSED_OVER: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Runs something in which broken invariants of the core are counted and do not
    /// panic, and says how many there were.
    pub fn pass_over_invariants<T>(run: impl FnOnce() -> T) -> (T, u64) {
        let before = Before(PASSED_OVER.replace(Some(0)));
        let result = run();
        let passed_over = PASSED_OVER.get().unwrap_or(0);
        drop(before);
        (result, passed_over)
    }

    /// Restores what was said before, a panic or not.
    struct Before(Option<u64>);

    impl Drop for Before {
        fn drop(&mut self) {
            PASSED_OVER.set(self.0);
        }
    }

    /// Ends the node, or counts.
    #[cold]
    #[track_caller]
    pub(crate) fn broken(what: fmt::Arguments<'_>) {
        match PASSED_OVER.get() {
            Some(number) => PASSED_OVER.set(Some(number + 1)),
            None => panic!("{what}"),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn broken_invariants_are_counted_only_while_that_is_asked_for() {
            let (result, number) = pass_over_invariants(|| {
                broken(format_args!("one"));
                broken(format_args!("two"));
                7
            });
            assert_eq!((result, number), (7, 2));
            let panics = std::panic::catch_unwind(|| broken(format_args!("three")));
            assert!(panics.is_err(), "it is no longer asked for");
        }
    }
}
