//! Coalesces the requests that several records of a batch make at the same time into one call, like a dataloader. A
//! call to AWS takes more of a function's time than all its other work for a record.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::Notify;

/// The call for all requests of a round. Each caller gets its result.
type BatchCall<'a, T, R> = Arc<dyn Fn(Vec<T>) -> BoxFuture<'a, R> + Send + Sync + 'a>;

struct State<'a, T, R: Clone> {
    round: Option<Round<'a, T, R>>,
    /// Members that may still call `load`, or have called it in this round.
    members: usize,
}

/// The keys so far, and the result of the one call for them.
struct Round<'a, T, R: Clone> {
    keys: Vec<T>,
    full: Arc<Notify>,
    result: Shared<BoxFuture<'a, R>>,
}

/// Collects requests within one invocation.
pub(crate) struct Coalescer<'a, T, R: Clone> {
    call: BatchCall<'a, T, R>,
    wait_max: Duration,
    state: Arc<Mutex<State<'a, T, R>>>,
}

impl<'a, T: Send + 'a, R: Clone + Send + Sync + 'a> Coalescer<'a, T, R> {
    /// A coalescer for `members` members. A member waits for the others, at most `wait_max`.
    pub(crate) fn new(
        wait_max: Duration,
        members: usize,
        call: impl Fn(Vec<T>) -> BoxFuture<'a, R> + Send + Sync + 'a,
    ) -> Self {
        Self { call: Arc::new(call), wait_max, state: Arc::new(Mutex::new(State { round: None, members })) }
    }

    /// Adds `key` to the round, and waits for the round's result.
    pub(crate) async fn load(&self, key: T) -> R {
        let result = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let round = state.round.get_or_insert_with(|| self.round());
            round.keys.push(key);
            let result = round.result.clone();
            state.notify_if_full();
            result
        };
        result.await
    }

    /// Adds `members` members.
    pub(crate) fn join(&self, members: usize) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).members += members;
    }

    /// Removes a member, which will not call `load` any more.
    pub(crate) fn leave(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.members = state.members.saturating_sub(1);
        state.notify_if_full();
    }

    fn round(&self) -> Round<'a, T, R> {
        let (call, state, wait_max, full) =
            (self.call.clone(), self.state.clone(), self.wait_max, Arc::new(Notify::new()));
        let filled = full.clone();
        let result = async move {
            // The round ends when all members have called `load`, or after `wait_max`.
            tokio::time::timeout(wait_max, filled.notified()).await.unwrap_or_default();
            let round = state.lock().unwrap_or_else(PoisonError::into_inner).round.take();
            call(round.map(|round| round.keys).unwrap_or_default()).await
        };
        Round { keys: Vec::new(), full, result: result.boxed().shared() }
    }
}

impl<T, R: Clone> State<'_, T, R> {
    fn notify_if_full(&self) {
        if let Some(round) = self.round.as_ref().filter(|round| round.keys.len() >= self.members) {
            round.full.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures::future::join_all;

    use super::*;

    fn sums(wait_max: Duration, members: usize) -> Coalescer<'static, u32, u32> {
        Coalescer::new(wait_max, members, |asked: Vec<u32>| async move { asked.into_iter().sum() }.boxed())
    }

    #[tokio::test]
    async fn loads_at_the_same_time_share_a_call_and_later_loads_do_not() {
        let sums = sums(Duration::from_millis(10), 4);
        assert_eq!(join_all([1, 2, 4].map(|number| sums.load(number))).await, [7, 7, 7]);
        assert_eq!(sums.load(8).await, 8);
    }

    #[tokio::test]
    async fn a_round_waits_for_members_that_joined() {
        let sums = sums(Duration::from_secs(60), 1);
        sums.join(2);
        assert_eq!(join_all([1, 2, 4].map(|number| sums.load(number))).await, [7, 7, 7]);
    }

    #[tokio::test]
    async fn a_round_ends_when_all_members_have_loaded_or_left() {
        let (sums, start) = (sums(Duration::from_secs(60), 4), Instant::now());
        let asking = join_all([1, 2, 4].map(|number| sums.load(number)));
        let (answers, ()) = futures::join!(asking, async { sums.leave() });
        assert_eq!(answers, [7, 7, 7]);
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
