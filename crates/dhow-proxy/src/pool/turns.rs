//! Whose turn it is: every target comes as often as its weight says, spread evenly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::target::Target;

/// Turns among targets.
#[derive(Default)]
pub struct Turns {
    /// Positions of targets, to be gone through again and again.
    order: Vec<usize>,
    next: AtomicUsize,
}

impl Turns {
    /// For these targets.
    pub fn among(targets: &[Arc<Target>]) -> Self {
        let weights: Vec<u32> = targets.iter().map(|target| target.weight()).collect();
        Self { order: spread(&weights), next: AtomicUsize::new(0) }
    }

    /// The next target that is fit, or the one after it if that is less busy for its weight: among idle targets this is
    /// round robin, as with kamal-proxy, and a slow one gets less.
    pub fn next<'a>(
        &self,
        targets: &'a [Arc<Target>],
        is_fit: impl Fn(&Target) -> bool,
    ) -> Option<&'a Arc<Target>> {
        if let [only] = targets {
            return is_fit(only).then_some(only);
        }
        let first = self.next.fetch_add(1, Relaxed);
        let turn = |step: usize| self.order[first.wrapping_add(step) % self.order.len()];
        let mut in_turn =
            (0..self.order.len()).map(|step| &targets[turn(step)]).filter(|target| is_fit(target));
        let one = in_turn.next()?;
        let other = in_turn.find(|other| !Arc::ptr_eq(one, other));
        let busy = |target: &Target, others: &Target| target.in_flight() as u64 * u64::from(others.weight());
        Some(other.filter(|other| busy(other, one) < busy(one, other)).unwrap_or(one))
    }
}

/// Positions, each as often as its weight, evenly spread: whoever has waited longest for what it is owed comes next.
fn spread(weights: &[u32]) -> Vec<usize> {
    let divisor = weights.iter().copied().reduce(greatest_common_divisor).unwrap_or(1).max(1);
    let weights: Vec<i64> = weights.iter().map(|weight| i64::from(weight / divisor)).collect();
    let total: i64 = weights.iter().sum();
    let mut owed = vec![0; weights.len()];
    let mut order = Vec::new();
    for _ in 0..total {
        owed.iter_mut().zip(&weights).for_each(|(owed, weight)| *owed += weight);
        // Of those that are owed as much, the first.
        let next = (0..owed.len()).rev().max_by_key(|position| owed[*position]).unwrap_or_default();
        owed[next] -= total;
        order.push(next);
    }
    order
}

fn greatest_common_divisor(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_by_weight() {
        assert_eq!(spread(&[1, 1, 1]), [0, 1, 2]);
        assert_eq!(spread(&[50, 50]), [0, 1]);
        assert_eq!(spread(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(spread(&[3, 2]), [0, 1, 0, 1, 0]);
        assert!(spread(&[]).is_empty());
    }
}
