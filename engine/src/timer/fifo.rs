//! Deadlines of the kind "now + a fixed duration", at most one per slot. All that share a duration are
//! due in the order in which they were armed, so each duration is a plain queue, linked through a table
//! over the slots: arming, moving and cancelling are O(1), and a slot costs 16 bytes.

use std::time::{Duration, Instant};

/// Stands for "no slot" and, as a class, for "not armed".
const NONE: u32 = u32::MAX;
const UNARMED: u16 = u16::MAX;
const NANOS_PER_MS: u64 = 1_000_000;

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
    /// No deadline is sooner, in milliseconds since the epoch. What was cancelled may have been later.
    none_before_ms: u64,
    /// The last time that was given, and how long after the epoch it is: a turn gives the same many times.
    now: (Instant, u64),
}

#[derive(Debug)]
struct Queue {
    duration: Duration,
    duration_nanos: u64,
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
        Self {
            epoch,
            queues: Vec::new(),
            nodes: Vec::new(),
            armed: 0,
            none_before_ms: u64::MAX,
            now: (epoch, 0),
        }
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
            let duration_nanos = nanos(duration);
            let (first, last) = (NONE, NONE);
            self.queues.push(Queue { duration, duration_nanos, granularity_ms, first, last });
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
        let (link, now_nanos) = (link(index), self.since_epoch(now));
        let queue = &mut self.queues[usize::from(class.0)];
        let due_nanos = now_nanos.saturating_add(queue.duration_nanos);
        // Rounded up, so that a deadline is never early.
        let due_ms = due_nanos.div_ceil(NANOS_PER_MS);
        let deadline_ms = due_ms.checked_next_multiple_of(queue.granularity_ms).unwrap_or(u64::MAX);
        self.none_before_ms = self.none_before_ms.min(deadline_ms);
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
        let now_ms = self.since_epoch(now) / NANOS_PER_MS;
        if now_ms < self.none_before_ms {
            return None;
        }
        let due = |first: &u32| self.node(*first).is_some_and(|node| node.deadline_ms() <= now_ms);
        let Some(first) = self.queues.iter().map(|queue| queue.first).find(due) else {
            self.none_before_ms = self.soonest_ms().unwrap_or(u64::MAX);
            return None;
        };
        let class = Class(self.nodes[first as usize].class);
        self.cancel(first as usize);
        Some((first as usize, class))
    }

    /// The soonest deadline of all.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.epoch.checked_add(Duration::from_millis(self.soonest_ms()?))
    }

    fn soonest_ms(&self) -> Option<u64> {
        let soonest = self.queues.iter().filter_map(|queue| self.node(queue.first));
        soonest.map(Node::deadline_ms).min()
    }

    /// Nanoseconds from the epoch to now.
    fn since_epoch(&mut self, now: Instant) -> u64 {
        if self.now.0 != now {
            self.now = (now, nanos(now.saturating_duration_since(self.epoch)));
        }
        self.now.1
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

fn millis_up(duration: Duration) -> u64 {
    nanos(duration).div_ceil(NANOS_PER_MS)
}

/// Those of more than 584 years are as many.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(loom)))]
mod tests;
