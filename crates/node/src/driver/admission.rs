//! Who is let in. The only place where a client's request meets a bound: behind
//! it nothing is refused for want of room, and nothing blocks.

use super::config::DriverLimits;

/// Leave for one request to be inside; given back when the request is answered.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that is not given back makes the node smaller for good"]
pub struct Permit {
    bytes: u64,
}

/// No permit is left. Try again when some requests have been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests: {requests} with {bytes} bytes are being served; try again later")]
pub struct TooManyRequests {
    /// The requests that are inside.
    pub requests: u64,
    /// The bytes of their commands.
    pub bytes: u64,
}

/// Hands out permits, by count and by bytes.
#[derive(Debug)]
pub struct Admission {
    max_requests: u64,
    max_bytes: u64,
    requests: u64,
    bytes: u64,
}

impl Admission {
    /// All permits are there.
    pub fn new(limits: &DriverLimits) -> Admission {
        Admission {
            max_requests: limits.admitted_requests,
            max_bytes: limits.admitted_bytes,
            requests: 0,
            bytes: 0,
        }
    }

    /// A permit for a request with a command of so many bytes. Where nobody is
    /// inside, one larger than the bound is let in: it would never be otherwise.
    ///
    /// # Errors
    ///
    /// If none is left.
    pub fn admit(&mut self, bytes: u64) -> Result<Permit, TooManyRequests> {
        let fits =
            self.requests < self.max_requests && self.bytes.saturating_add(bytes) <= self.max_bytes;
        if !fits && self.requests > 0 {
            return Err(TooManyRequests { requests: self.requests, bytes: self.bytes });
        }
        self.requests += 1;
        self.bytes += bytes;
        Ok(Permit { bytes })
    }

    /// Takes a permit back.
    ///
    /// # Panics
    ///
    /// If it was handed out by another admission.
    pub fn give_back(&mut self, permit: Permit) {
        let spare = "a permit goes back to where it came from";
        self.requests = self.requests.checked_sub(1).expect(spare);
        self.bytes = self.bytes.checked_sub(permit.bytes).expect(spare);
    }

    /// How many requests are inside.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// The bytes of their commands.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(admitted_requests: u64, admitted_bytes: u64) -> Admission {
        Admission::new(&DriverLimits {
            admitted_requests,
            admitted_bytes,
            ..DriverLimits::default()
        })
    }

    #[test]
    fn requests_are_counted() {
        let mut admission = admission(2, 100);
        let first = admission.admit(1).expect("there is room");
        let second = admission.admit(1).expect("there is room");
        assert_eq!(admission.admit(1), Err(TooManyRequests { requests: 2, bytes: 2 }));
        admission.give_back(first);
        let third = admission.admit(1).expect("there is room again");
        admission.give_back(second);
        admission.give_back(third);
        assert_eq!((admission.requests(), admission.bytes()), (0, 0));
    }

    #[test]
    fn bytes_are_counted() {
        let mut admission = admission(10, 100);
        let large = admission.admit(90).expect("there is room");
        assert!(admission.admit(11).is_err());
        let small = admission.admit(10).expect("there is just enough room");
        admission.give_back(large);
        assert_eq!(admission.bytes(), 10);
        admission.give_back(small);
    }

    #[test]
    fn a_request_larger_than_the_bound_is_let_in_alone() {
        let mut admission = admission(10, 100);
        let huge = admission.admit(1000).expect("nobody else is inside");
        assert!(admission.admit(0).is_err());
        admission.give_back(huge);
        let small = admission.admit(1).expect("there is room");
        assert!(admission.admit(1000).is_err());
        admission.give_back(small);
    }
}
