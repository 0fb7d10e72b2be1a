//! Connections that have had an answer and stay open.

use std::io::Read;

use tokio::io::AsyncWriteExt;

use super::{Aim, answer, connect, http1};
use crate::rows::Row;

/// Opens them, prints `go`, and holds them until standard input ends.
pub async fn hold(row: &Row, aim: &Aim) {
    let request = &http1::requests(row, "/2", 0, true)[0];
    let mut input = vec![0; 16 * 1024];
    let mut held = Vec::new();
    for _ in 0..row.connections {
        let mut stream = connect(&aim.plain).await;
        stream.write_all(request).await.unwrap();
        answer(&mut stream, &mut input).await;
        held.push(stream);
    }
    println!("go");
    // Nothing else is to be done here.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}
