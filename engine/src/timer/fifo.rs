//! Deadlines of the kind "now + a fixed duration", at most one per slot. All that share a duration are
//! due in the order in which they were armed, so each duration is a plain queue, linked through a table
//! over the slots: arming, moving and cancelling are O(1), and a slot costs 16 bytes.

use std::time::{Duration, Instant};

/// Stands for "no slot" and, as a class, for "not armed".
const NONE: u32 = u32::MAX;
const UNARMED: u16 = u16::MAX;

/// One fixed duration of one [`Fifo`], as made by [`Fifo::class`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Class(u16);

/// Queues of deadlines, one per [`Class`].
#[derive(Debug)]
pub struct Fifo {
    epoch: Instant,
    queues: Vec<Queue>,
    nodes: Vec<Node>,
    armed: usize,
}

#[derive(Debug)]
struct Queue {
    duration: Duration,
    granularity_ms: u64,
    first: u32,
    last: u32,
}

/// One slot. The deadline is in milliseconds since the epoch, 48 bits of it.
#[derive(Clone, Copy, Debug)]
struct Node {
    previous: u32,
    next: u32,
    deadline_low: u32,
    deadline_high: u16,
    class: u16,
}

impl Node {
    const VACANT: Self =
        Self { previous: NONE, next: NONE, deadline_low: 0, deadline_high: 0, class: UNARMED };

    fn deadline_ms(&self) -> u64 {
        u64::from(self.deadline_high) << 32 | u64::from(self.deadline_low)
    }

    #[allow(clippy::cast_possible_truncation, reason = "takes the number apart on purpose")]
    fn set_deadline_ms(&mut self, ms: u64) {
        // 48 bits of milliseconds are 8,900 years; whoever asks for more gets that.
        let ms = ms.min((1 << 48) - 1);
        self.deadline_low = ms as u32;
        self.deadline_high = (ms >> 32) as u16;
    }
}

impl Fifo {
    /// No classes, no deadlines. No `now` given later may be before `epoch`; it counts as `epoch`.
    pub const fn new(epoch: Instant) -> Self {
        Self { epoch, queues: Vec::new(), nodes: Vec::new(), armed: 0 }
    }

    /// The class of this duration, made if it is new. Deadlines are rounded up to a multiple of the
    /// granularity, so that one wake serves many; zero stands for one millisecond, the finest there is.
    ///
    /// Meant for a handful of classes: asking for the next deadline looks at each.
    ///
    /// # Panics
    /// With more than 65,535 classes.
    pub fn class(&mut self, duration: Duration, granularity: Duration) -> Class {
        let granularity_ms = millis_up(granularity).max(1);
        let known = self
            .queues
            .iter()
            .position(|queue| queue.duration == duration && queue.granularity_ms == granularity_ms);
        let place = known.unwrap_or_else(|| {
            self.queues.push(Queue { duration, granularity_ms, first: NONE, last: NONE });
            self.queues.len() - 1
        });
        let class = u16::try_from(place).ok().filter(|class| *class != UNARMED);
        Class(class.expect("there is a handful of durations, not 65,536"))
    }

    /// Sets the deadline of this slot to `now` + the duration of the class, in place of any other it
    /// had. Times must not run backwards between calls.
    ///
    /// # Panics
    /// If the class is of another `Fifo` that has more of them, or `index` is 2³² − 1 or greater.
    pub fn arm(&mut self, index: usize, class: Class, now: Instant) {
        self.cancel(index);
        if index >= self.nodes.len() {
            self.nodes.resize(index + 1, Node::VACANT);
        }
        let link = link(index);
        let queue = &mut self.queues[usize::from(class.0)];
        let due = now.saturating_duration_since(self.epoch).saturating_add(queue.duration);
        let deadline_ms = millis_up(due).next_multiple_of(queue.granularity_ms);
        let node = &mut self.nodes[index];
        *node = Node { previous: queue.last, class: class.0, ..Node::VACANT };
        node.set_deadline_ms(deadline_ms);
        match queue.last {
            NONE => queue.first = link,
            last => self.nodes[last as usize].next = link,
        }
        queue.last = link;
        self.armed += 1;
    }

    /// Forgets the deadline of this slot. Without one, nothing happens.
    pub fn cancel(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index).filter(|node| node.class != UNARMED) else {
            return;
        };
        let Node { previous, next, class, .. } = std::mem::replace(node, Node::VACANT);
        let queue = &mut self.queues[usize::from(class)];
        match previous {
            NONE => queue.first = next,
            previous => self.nodes[previous as usize].next = next,
        }
        match next {
            NONE => queue.last = previous,
            next => self.nodes[next as usize].previous = previous,
        }
        self.armed -= 1;
    }

    /// Takes out one slot whose deadline has come, and says of which class it was.
    pub fn expired(&mut self, now: Instant) -> Option<(usize, Class)> {
        if self.armed == 0 {
            return None;
        }
        // Rounded down: a deadline must have passed in full.
        let now_ms = now.saturating_duration_since(self.epoch).as_millis();
        let first = self.queues.iter().map(|queue| queue.first).find(|first| {
            self.node(*first).is_some_and(|node| u128::from(node.deadline_ms()) <= now_ms)
        })?;
        let class = Class(self.nodes[first as usize].class);
        self.cancel(first as usize);
        Some((first as usize, class))
    }

    /// The soonest deadline of all.
    pub fn next_deadline(&self) -> Option<Instant> {
        let soonest = self.queues.iter().filter_map(|queue| self.node(queue.first));
        let soonest_ms = soonest.map(Node::deadline_ms).min()?;
        self.epoch.checked_add(Duration::from_millis(soonest_ms))
    }

    /// The slot that was armed first of those in this class.
    pub fn oldest(&self, class: Class) -> Option<usize> {
        let first = self.queues.get(usize::from(class.0))?.first;
        (first != NONE).then_some(first as usize)
    }

    /// The class that this slot is armed with.
    pub fn armed(&self, index: usize) -> Option<Class> {
        let node = self.nodes.get(index)?;
        (node.class != UNARMED).then_some(Class(node.class))
    }

    /// How many slots have a deadline.
    pub const fn len(&self) -> usize {
        self.armed
    }

    /// Whether none has.
    pub const fn is_empty(&self) -> bool {
        self.armed == 0
    }

    fn node(&self, link: u32) -> Option<&Node> {
        // `NONE` is beyond the table: see `link`.
        self.nodes.get(link as usize)
    }
}

fn link(index: usize) -> u32 {
    let link = u32::try_from(index).ok().filter(|link| *link != NONE);
    link.expect("slots are numbered below 2³² − 1")
}

/// Rounded up, so that a deadline is never early.
fn millis_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX >> 1)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn node_is_sixteen_bytes() {
        assert_eq!(size_of::<Node>(), 16);
    }

    #[test]
    fn same_duration_is_the_same_class() {
        let mut fifo = Fifo::new(Instant::now());
        let idle = fifo.class(SECOND, Duration::ZERO);
        assert_eq!(fifo.class(SECOND, Duration::from_millis(1)), idle);
        assert_ne!(fifo.class(SECOND, SECOND), idle);
        assert_ne!(fifo.class(2 * SECOND, Duration::ZERO), idle);
    }

    #[test]
    fn deadline_is_due_at_its_millisecond_and_not_before() {
        let epoch = Instant::now();
        let mut fifo = Fifo::new(epoch);
        let class = fifo.class(SECOND, Duration::ZERO);
        fifo.arm(3, class, epoch);
        assert_eq!(fifo.next_deadline(), Some(epoch + SECOND));
        assert_eq!(fifo.expired(epoch + Duration::from_nanos(999_999_999)), None);
        assert_eq!(fifo.expired(epoch + SECOND), Some((3, class)));
        assert_eq!(fifo.expired(epoch + 2 * SECOND), None);
        assert!(fifo.is_empty());
    }

    #[test]
    fn granularity_lets_one_wake_serve_many() {
        let epoch = Instant::now();
        let mut fifo = Fifo::new(epoch);
        let class = fifo.class(15 * SECOND, SECOND);
        for index in 0..10 {
            fifo.arm(index, class, epoch + Duration::from_millis(1 + index as u64 * 90));
        }
        assert_eq!(fifo.next_deadline(), Some(epoch + 16 * SECOND));
        let due = std::iter::from_fn(|| fifo.expired(epoch + 16 * SECOND)).count();
        assert_eq!(due, 10);
    }

    #[test]
    fn arming_again_moves_to_the_back() {
        let epoch = Instant::now();
        let mut fifo = Fifo::new(epoch);
        let class = fifo.class(SECOND, Duration::ZERO);
        for index in 0..3 {
            fifo.arm(index, class, epoch);
        }
        fifo.arm(0, class, epoch + SECOND);
        assert_eq!(fifo.oldest(class), Some(1));
        fifo.cancel(1);
        assert_eq!(fifo.oldest(class), Some(2));
        assert_eq!(fifo.len(), 2);
    }

    #[test]
    fn absurd_duration_does_not_overflow() {
        let epoch = Instant::now();
        let mut fifo = Fifo::new(epoch);
        let class = fifo.class(Duration::MAX, SECOND);
        fifo.arm(0, class, epoch);
        assert_eq!(fifo.expired(epoch + SECOND), None);
        assert_eq!(fifo.armed(0), Some(class));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Arm(usize, usize),
        Cancel(usize),
        Advance(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_usize..12, 0_usize..3).prop_map(|(index, class)| Step::Arm(index, class)),
            2 => (0_usize..14).prop_map(Step::Cancel),
            2 => (0_u64..40).prop_map(Step::Advance),
        ]
    }

    proptest! {
        #[test]
        fn fifo_agrees_with_a_plain_table(steps in prop::collection::vec(step(), 0..200)) {
            let epoch = Instant::now();
            let mut fifo = Fifo::new(epoch);
            let durations = [(10, 1), (25, 1), (25, 10)];
            let classes = durations.map(|(ms, granularity)| {
                fifo.class(Duration::from_millis(ms), Duration::from_millis(granularity))
            });
            let mut now_ms = 0;
            let mut oracle = std::collections::BTreeMap::new();
            for step in steps {
                match step {
                    Step::Arm(index, class) => {
                        let (ms, granularity): (u64, u64) = durations[class];
                        fifo.arm(index, classes[class], epoch + Duration::from_millis(now_ms));
                        let due = (now_ms + ms).next_multiple_of(granularity);
                        oracle.insert(index, (due, classes[class]));
                    }
                    Step::Cancel(index) => {
                        fifo.cancel(index);
                        oracle.remove(&index);
                    }
                    Step::Advance(ms) => {
                        now_ms += ms;
                        let now = epoch + Duration::from_millis(now_ms);
                        while let Some((index, class)) = fifo.expired(now) {
                            let (due, expected) = oracle.remove(&index).expect("was armed");
                            prop_assert!(due <= now_ms);
                            prop_assert_eq!(class, expected);
                        }
                        prop_assert!(oracle.values().all(|(due, _)| *due > now_ms));
                    }
                }
                prop_assert_eq!(fifo.len(), oracle.len());
                let soonest = oracle.values().map(|(due, _)| *due).min();
                let soonest = soonest.map(|ms| epoch + Duration::from_millis(ms));
                prop_assert_eq!(fifo.next_deadline(), soonest);
            }
        }
    }
}
