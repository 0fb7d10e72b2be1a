//! Reads pages, plays them against a scripted world, and compares.

mod expected;
mod here;
mod page;
mod play;
mod ritual;
mod scene;
mod scripted;
mod servers;
mod transcript;

pub use page::{check, directory};
