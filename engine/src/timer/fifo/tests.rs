//! Deadlines against a plain table.

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
