#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| balsa_fuzz::log::log(bytes));
