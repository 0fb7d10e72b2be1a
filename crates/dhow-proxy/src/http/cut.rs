//! The call to give up, from the control thread to the requests of one worker on one target.
//!
//! Every request listens, and nearly none is ever called: listening costs a waker in a list that no other thread sees.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Waker};

/// Who listens.
#[derive(Default)]
pub struct Listeners {
    places: RefCell<Vec<Place>>,
    free: RefCell<Vec<usize>>,
}

enum Place {
    Free,
    Taken(Waker),
}

/// One of those who listen, until it is dropped.
pub struct Listener {
    all: Rc<Listeners>,
    place: Option<usize>,
}

impl Listeners {
    /// Wakes all who listen now.
    pub fn call(&self) {
        for place in self.places.borrow().iter() {
            if let Place::Taken(waker) = place {
                waker.wake_by_ref();
            }
        }
    }

    fn enter(&self, waker: Waker) -> usize {
        let mut places = self.places.borrow_mut();
        match self.free.borrow_mut().pop() {
            Some(free) => {
                places[free] = Place::Taken(waker);
                free
            }
            None => {
                places.push(Place::Taken(waker));
                places.len() - 1
            }
        }
    }
}

impl Listener {
    /// Not listening yet.
    pub fn of(all: &Rc<Listeners>) -> Self {
        Self { all: Rc::clone(all), place: None }
    }

    /// Listens from now on, on behalf of the task that asks.
    pub fn listen(&mut self, cx: &Context<'_>) {
        let Some(place) = self.place else {
            self.place = Some(self.all.enter(cx.waker().clone()));
            return;
        };
        if let Place::Taken(waker) = &mut self.all.places.borrow_mut()[place] {
            waker.clone_from(cx.waker());
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.all.places.borrow_mut()[place] = Place::Free;
            self.all.free.borrow_mut().push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn whoever_listens_is_called_and_nobody_else() {
        let (all, counts) = (Rc::new(Listeners::default()), [(); 3].map(|()| Arc::new(Count::default())));
        let mut listeners = [(); 3].map(|()| Listener::of(&all));
        for (listener, count) in listeners.iter_mut().zip(&counts).take(2) {
            let waker = Waker::from(Arc::clone(count));
            listener.listen(&Context::from_waker(&waker));
            listener.listen(&Context::from_waker(&waker));
        }
        all.call();
        let [first, ..] = listeners;
        drop(first);
        all.call();
        assert_eq!(counts.map(|count| count.0.load(SeqCst)), [1, 2, 0]);
        assert_eq!(all.places.borrow().len(), 2, "places are used again");
    }
}
