//! The state file, as either proxy may have left it: broken entries are told, the others come back, and what is saved of them
//! is read again as the same.

#![no_main]

use dhow_proxy::state;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(saved) = state::parse(input) else { return };
    let written = serde_json::to_vec(&saved.services).expect("services are plain data");
    let again = state::parse(&written).expect("what was written is read");
    assert!(again.broken.is_empty(), "{:?}", again.broken);
    assert_eq!(serde_json::to_vec(&again.services).expect("services are plain data"), written);
});
