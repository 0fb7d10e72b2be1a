//! Counting what one server is sent.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What a registry has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Layers sent to their end, each once however often it was asked for. The configuration is not one.
    pub layers: u64,
    /// Bytes of layers and configuration, broken-off attempts included; HTTP's own are not counted.
    pub bytes: u64,
}

/// The running count.
#[derive(Debug)]
pub(super) struct Tally {
    bytes: AtomicU64,
    layers: Vec<AtomicBool>,
}

impl Tally {
    pub(super) fn new(layers: usize) -> Tally {
        Tally { bytes: AtomicU64::new(0), layers: (0..layers).map(|_| AtomicBool::new(false)).collect() }
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// `layer` counts from the bottom, and is below the number that was handed to `new`.
    pub(super) fn finished(&self, layer: usize) {
        self.layers[layer].store(true, Relaxed);
    }

    pub(super) fn served(&self) -> Served {
        let layers = self.layers.iter().filter(|sent| sent.load(Relaxed)).count() as u64;
        Served { layers, bytes: self.bytes.load(Relaxed) }
    }
}
