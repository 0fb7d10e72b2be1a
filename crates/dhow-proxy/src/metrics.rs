//! Numbers for Prometheus: kamal-proxy's families under kamal-proxy's names, and some of our own.
//!
//! Every worker counts for itself ([`tally`]), so that a request shares nothing with another thread. Whoever asks
//! the [`endpoint`] makes it ask the workers, which answer between two requests with a copy of what they have;
//! the copies are added up and written down ([`exposition`]) with what the control thread knows ([`report`]).

pub mod endpoint;
pub mod exposition;
pub mod process;
pub mod report;
pub mod status;
pub mod tally;

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

use tally::{Counts, Tally};

/// How long the workers may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

type Question = oneshot::Sender<Counts>;

/// The way to the workers' numbers.
#[derive(Default)]
pub struct Metrics {
    workers: Vec<UnboundedSender<Question>>,
}

/// A worker's end of it.
pub struct Counting {
    questions: UnboundedReceiver<Question>,
}

impl Metrics {
    /// Takes in another worker.
    pub fn join(&mut self) -> Counting {
        let (worker, questions) = unbounded_channel();
        self.workers.push(worker);
        Counting { questions }
    }

    /// What all workers have counted so far; `None` if one of them does not answer: numbers without its part would
    /// look as if counters had gone backwards.
    async fn counts(&self) -> Option<Counts> {
        let mut sum = Counts::default();
        for answer in self.ask_all() {
            sum.add(&answer.await.ok()?);
        }
        Some(sum)
    }

    fn ask_all(&self) -> Vec<oneshot::Receiver<Counts>> {
        let ask = |worker: &UnboundedSender<Question>| {
            let (question, answer) = oneshot::channel();
            // A worker that has ended gives no answer, which is noticed where the answer is awaited.
            worker.send(question).ok();
            answer
        };
        self.workers.iter().map(ask).collect()
    }

    /// The same, within a time that whoever asked will still wait.
    pub async fn gather(&self) -> Option<Counts> {
        timeout(ANSWER, self.counts()).await.ok().flatten()
    }
}

impl Counting {
    /// The worker's numbers, which are handed out to whoever asks. For use on the worker's runtime.
    pub fn begin(mut self) -> Rc<Tally> {
        let tally = Rc::<Tally>::default();
        let asked = Rc::clone(&tally);
        tokio::task::spawn_local(async move {
            while let Some(question) = self.questions.recv().await {
                // Who asked may have stopped waiting.
                question.send(asked.counts()).ok();
            }
        });
        tally
    }
}
