//! Coalesces the requests that several records of a batch make at the same time into one call, like a dataloader. A
//! call to AWS takes more of a function's time than all its other work for a record.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::Notify;

/// The call for all requests of a round. Everybody who asked gets its result.
type Act<'a, T, R> = Arc<dyn Fn(Vec<T>) -> BoxFuture<'a, R> + Send + Sync + 'a>;

struct Open<'a, T, R: Clone> {
    round: Option<Round<'a, T, R>>,
    /// Members that may still ask, or have asked in this round.
    members: usize,
}

/// The requests so far, and the call that will be made for them.
struct Round<'a, T, R: Clone> {
    asked: Vec<T>,
    full: Arc<Notify>,
    result: Shared<BoxFuture<'a, R>>,
}

/// Collects requests within one invocation.
pub(crate) struct Coalescer<'a, T, R: Clone> {
    act: Act<'a, T, R>,
    linger: Duration,
    open: Arc<Mutex<Open<'a, T, R>>>,
}

impl<'a, T: Send + 'a, R: Clone + Send + Sync + 'a> Coalescer<'a, T, R> {
    /// A coalescer for `members` members. Once a member has asked, it waits for the others, but at most for `linger`.
    pub(crate) fn new(
        linger: Duration,
        members: usize,
        act: impl Fn(Vec<T>) -> BoxFuture<'a, R> + Send + Sync + 'a,
    ) -> Self {
        Self { act: Arc::new(act), linger, open: Arc::new(Mutex::new(Open { round: None, members })) }
    }

    /// Adds `what` to the round, and waits for the round's result.
    pub(crate) async fn ask(&self, what: T) -> R {
        let result = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let round = open.round.get_or_insert_with(|| self.round());
            round.asked.push(what);
            let result = round.result.clone();
            open.notify_if_full();
            result
        };
        result.await
    }

    /// Adds `members` members.
    pub(crate) fn join(&self, members: usize) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).members += members;
    }

    /// Removes a member, which will not ask any more.
    pub(crate) fn leave(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.members = open.members.saturating_sub(1);
        open.notify_if_full();
    }

    fn round(&self) -> Round<'a, T, R> {
        let (act, open, linger, full) = (self.act.clone(), self.open.clone(), self.linger, Arc::new(Notify::new()));
        let filled = full.clone();
        let result = async move {
            // The round ends when all members have asked, or after `linger`.
            tokio::time::timeout(linger, filled.notified()).await.unwrap_or_default();
            let round = open.lock().unwrap_or_else(PoisonError::into_inner).round.take();
            act(round.map(|round| round.asked).unwrap_or_default()).await
        };
        Round { asked: Vec::new(), full, result: result.boxed().shared() }
    }
}

impl<T, R: Clone> Open<'_, T, R> {
    fn notify_if_full(&self) {
        if let Some(round) = self.round.as_ref().filter(|round| round.asked.len() >= self.members) {
            round.full.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures::future::join_all;

    use super::*;

    fn sums(linger: Duration, members: usize) -> Coalescer<'static, u32, u32> {
        Coalescer::new(linger, members, |asked: Vec<u32>| async move { asked.into_iter().sum() }.boxed())
    }

    #[tokio::test]
    async fn those_who_ask_at_once_are_answered_together_and_later_ones_apart() {
        let sums = sums(Duration::from_millis(10), 4);
        assert_eq!(join_all([1, 2, 4].map(|number| sums.ask(number))).await, [7, 7, 7]);
        assert_eq!(sums.ask(8).await, 8);
    }

    #[tokio::test]
    async fn who_joins_is_waited_for() {
        let sums = sums(Duration::from_secs(60), 1);
        sums.join(2);
        assert_eq!(join_all([1, 2, 4].map(|number| sums.ask(number))).await, [7, 7, 7]);
    }

    #[tokio::test]
    async fn nobody_is_waited_for_once_all_have_asked_or_left() {
        let (sums, start) = (sums(Duration::from_secs(60), 4), Instant::now());
        let asking = join_all([1, 2, 4].map(|number| sums.ask(number)));
        let (answers, ()) = futures::join!(asking, async { sums.leave() });
        assert_eq!(answers, [7, 7, 7]);
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
