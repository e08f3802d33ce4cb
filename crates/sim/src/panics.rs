//! A panic of the code that is simulated is a failure of the seed, not of the
//! simulator.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// The message of the last panic on this thread, while panics are caught.
    static CAUGHT: RefCell<Option<Option<String>>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Runs something.
///
/// # Errors
///
/// If it panics: its message, and where.
pub fn catch<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(install_hook);
    CAUGHT.with(|caught| *caught.borrow_mut() = Some(None));
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    let message = CAUGHT.with(|caught| caught.borrow_mut().take().flatten());
    result.map_err(|_| message.unwrap_or_else(|| "without a message".to_owned()))
}

/// Keeps the messages of panics that are being caught, and leaves all others as
/// they were.
fn install_hook() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let kept = CAUGHT.with(|caught| match caught.borrow_mut().as_mut() {
            Some(message) => {
                *message = Some(info.to_string());
                true
            }
            None => false,
        });
        if !kept {
            before(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(catch(|| 3), Ok(3));
        let error = catch(|| assert_eq!(1, "two".len(), "one is not three")).unwrap_err();
        assert!(error.contains("one is not three") && error.contains("panics.rs"), "{error}");
    }
}
