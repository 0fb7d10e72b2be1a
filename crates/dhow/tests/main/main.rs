//! What dhow does, page by page (see `transcripts/README.md`), and what holds of its sources and documents.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod docs;
mod reference;
mod sources;
mod support;
mod tidy;
mod transcripts;
