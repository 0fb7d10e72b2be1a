//! Connections to a target that wait for a request.

use crate::http1::client::Connection;

/// How many are kept per target and worker …
const MOST: usize = 1024;

/// … of which those above this number only for as long as they are needed.
const UNNEEDED: usize = 100;

/// They wait in a pile: the one used last is used next, so those at the bottom are the ones too many.
#[derive(Default)]
pub struct Idle {
    #[expect(
        clippy::vec_box,
        reason = "a connection is handed on many times between here and the end of a body"
    )]
    pile: Vec<Box<Connection>>,
    /// The fewest that there were since the last sweep: so many were not needed.
    fewest: usize,
}

impl Idle {
    /// Takes the one used last.
    pub fn take(&mut self) -> Option<Box<Connection>> {
        let taken = self.pile.pop();
        self.fewest = self.fewest.min(self.pile.len());
        taken
    }

    /// Keeps one, if there is room.
    pub fn put(&mut self, connection: Box<Connection>) {
        if self.pile.len() < MOST {
            self.pile.push(connection);
        }
    }

    /// Closes those that were not needed since the last time, and those that the target has closed.
    pub fn sweep(&mut self) {
        self.pile.drain(..self.fewest.saturating_sub(UNNEEDED));
        self.pile.retain(|connection| !connection.is_stale());
        self.fewest = self.pile.len();
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn those_that_a_rush_has_left_go_when_they_are_not_needed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut idle = Idle::default();
        let mut others = Vec::new();
        for _ in 0..UNNEEDED + 20 {
            let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            others.push(listener.accept().await.unwrap());
            idle.put(Box::new(Connection::new(near)));
        }
        idle.sweep();
        assert_eq!(idle.pile.len(), UNNEEDED + 20, "a rush may be going on");
        let needed: Vec<_> = (0..10).filter_map(|_| idle.take()).collect();
        needed.into_iter().for_each(|connection| idle.put(connection));
        idle.sweep();
        assert_eq!(idle.pile.len(), UNNEEDED + 10);
        idle.sweep();
        assert_eq!(idle.pile.len(), UNNEEDED);
    }
}
