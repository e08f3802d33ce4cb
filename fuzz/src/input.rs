//! Choices, drawn from the bytes that a fuzzer gives.

/// The bytes that are left. Where there are none, every choice is the first one, so
/// that every input means something.
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// All choices that these bytes make.
    pub fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { rest: bytes }
    }

    /// Whether all choices are made.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// So many bytes, or what is left.
    pub fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(most.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// Yes or no.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below `end`, which is at most 2¹⁶ and not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (usize::from(self.byte()) | usize::from(self.byte()) << 8) % end
    }

    /// A number of 64 bits: most are small, some lie at the ends of the ranges that
    /// code cares for.
    pub fn number(&mut self) -> u64 {
        let byte = self.byte();
        match byte {
            0..=199 => u64::from(byte % 50),
            200..=209 => u64::MAX - u64::from(byte - 200),
            210..=219 => u64::MAX / 2 + 2 - u64::from(byte - 210),
            220..=229 => u64::from(u32::MAX) + 5 - u64::from(byte - 220),
            _ => {
                let mut whole = [0; 8];
                let taken = self.take(8);
                whole[..taken.len()].copy_from_slice(taken);
                u64::from_le_bytes(whole)
            }
        }
    }

    /// Up to 255 bytes.
    pub fn short(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        self.take(length)
    }

    /// All bytes that are left.
    pub fn rest(self) -> &'a [u8] {
        self.rest
    }
}
