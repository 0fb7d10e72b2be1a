use std::sync::{Arc, Condvar, Mutex};

use super::PATIENCE;

/// Holds threads back until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    is_open: bool,
    waiting: usize,
}

impl Gate {
    pub fn open(&self) {
        self.0.0.lock().unwrap().is_open = true;
        self.0.1.notify_all();
    }

    /// Waits for the gate; gives up (quietly) after a while, so that a failed test ends.
    pub fn pass(&self) {
        let mut state = self.0.0.lock().unwrap();
        state.waiting += 1;
        self.0.1.notify_all();
        drop(self.0.1.wait_timeout_while(state, PATIENCE * 2, |state| !state.is_open).unwrap());
    }

    /// Waits until so many are (or were) at the gate.
    pub fn await_waiting(&self, count: usize) {
        let state = self.0.0.lock().unwrap();
        let (state, _) = self.0.1.wait_timeout_while(state, PATIENCE, |state| state.waiting < count).unwrap();
        assert!(state.waiting >= count, "{} of {count} came to the gate", state.waiting);
    }
}
