//! The plain reference: what one stream of one broker is due, as a queue of its own. Every event is
//! copied for every subscriber; there is no log, no cursor, no batch. Written after the documents of
//! `SlowPolicy`, `ClientConfig` and `BrokerBuilder`, not for speed.

use super::script::{BROKERS, OnSlow, Settings};
use crate::fanout::{Disconnect, Framing};
use std::collections::VecDeque;

/// Of a client's own events, where others are owed, as `ClientConfig::queue_events` has it.
const SHARE_BYTES: usize = 16 * 1024;

/// An event of a broker as a stream has it, and the id of the one before it, if that is known.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub(super) text: String,
    pub(super) before: Option<String>,
}

#[derive(Debug)]
enum What {
    Other,
    /// An event of the client's own.
    Own,
    /// An event of a broker, and the id before it.
    Event(usize, Option<String>),
    /// Of events of a broker.
    Notice(usize, Gap),
}

#[derive(Clone, Debug, Default)]
struct Gap {
    missed: u64,
    last: Option<String>,
}

impl What {
    fn is_event(&self) -> bool {
        matches!(self, Self::Own | Self::Event(..))
    }

    fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }
}

/// Something that leaves whole, once it has begun.
#[derive(Debug)]
struct Unit {
    bytes: Vec<u8>,
    sent: usize,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life {
    Open,
    Closing(Disconnect),
    /// Why, and whether the socket is of no use any more; `None` when its owner gave it up.
    Over(Option<(Disconnect, bool)>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    No,
    Waiting,
    DropOldest,
}

/// Membership in the one broker of a stream.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) broker: usize,
    /// The first event it is due, by its place in the hub.
    pub(super) since: u64,
    pub(super) times: usize,
    pub(super) asked: Asked,
    /// What it misses, and which byte of the socket ends what was owed before.
    dropping: Option<(Gap, usize)>,
    /// What was read from the hub and is neither sent nor owed.
    news: Vec<News>,
}

#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) framing: Framing,
    pub(super) settings: Settings,
    pub(super) life: Life,
    pub(super) member: Option<Member>,
    /// The socket: how much it takes, in all and at a time; whether it works; what it got.
    pub(super) room: usize,
    pub(super) most: usize,
    pub(super) broken: bool,
    pub(super) out: Vec<u8>,
    owed: VecDeque<Unit>,
    /// The socket has refused bytes since nothing was owed.
    refused: bool,
    /// It refused the last that it was offered.
    blocked: bool,
    /// The client's own events that wait, with what it lost before each.
    pub(super) queue: VecDeque<(u64, String)>,
    missed_own: u64,
    /// What the broker is to count.
    pub(super) dropped: [u64; BROKERS.len()],
    pub(super) delivered: u64,
}

impl Subscriber {
    pub(super) fn new(framing: Framing, settings: Settings, head: &[u8]) -> Self {
        let head = Unit { bytes: head.to_vec(), sent: 0, what: What::Other };
        Self {
            framing,
            settings,
            life: Life::Open,
            member: None,
            room: usize::MAX,
            most: usize::MAX,
            broken: false,
            out: Vec::new(),
            owed: VecDeque::from([head]),
            refused: false,
            blocked: false,
            queue: VecDeque::new(),
            missed_own: 0,
            dropped: [0; BROKERS.len()],
            delivered: 0,
        }
    }

    pub(super) fn owed_bytes(&self) -> usize {
        self.owed.iter().map(|unit| unit.bytes.len() - unit.sent).sum()
    }

    /// Events of brokers that are owed.
    fn owed_events(&self) -> usize {
        self.owed.iter().filter(|unit| matches!(unit.what, What::Event(..))).count()
    }

    fn owes_own(&self) -> bool {
        self.owed.iter().any(|unit| unit.what.is_own())
    }

    /// Owed bytes that count for a broker's limit.
    fn bytes_of_others(&self) -> usize {
        let others = self.owed.iter().filter(|unit| !unit.what.is_own());
        others.map(|unit| unit.bytes.len() - unit.sent).sum()
    }

    fn frame(&self, text: &str) -> Vec<u8> {
        match self.framing {
            Framing::Plain => text.into(),
            Framing::Chunked => format!("{:x}\r\n{text}\r\n", text.len()).into_bytes(),
        }
    }

    fn owe(&mut self, what: What, text: &str) {
        let bytes = self.frame(text);
        self.owed.push_back(Unit { bytes, sent: 0, what });
    }

    fn notice(gap: &Gap) -> String {
        let last = gap.last.as_ref().map_or(String::new(), |id| format!("data: {id}\n"));
        format!("event: missed\ndata: {}\n{last}\n", gap.missed)
    }

    pub(super) fn subscribe(&mut self, broker: usize, since: u64) {
        let member = self.member.get_or_insert(Member {
            broker,
            since,
            times: 0,
            asked: Asked::No,
            dropping: None,
            news: Vec::new(),
        });
        member.times += 1;
    }

    /// A client's own event. Returns whether it was dropped.
    pub(super) fn send(&mut self, text: String) -> bool {
        if self.settings.drops && self.queue.len() >= 2 {
            self.missed_own += 1;
            return true;
        }
        let missed = if self.settings.noticing { std::mem::take(&mut self.missed_own) } else { 0 };
        self.queue.push_back((missed, text));
        false
    }

    /// Takes what the client queued, if nothing is owed, or a share of it, if none of it is.
    pub(super) fn pull(&mut self) {
        if self.life != Life::Open {
        } else if self.owed.is_empty() {
            self.take_queue(usize::MAX);
        } else if !self.owes_own() {
            self.take_queue(SHARE_BYTES);
        }
    }

    /// Takes queued events until they are this many bytes.
    fn take_queue(&mut self, most: usize) {
        let mut taken = 0;
        while taken < most
            && let Some((missed, text)) = self.queue.pop_front()
        {
            taken += text.len();
            if missed > 0 {
                self.owe(What::Other, &Self::notice(&Gap { missed, last: None }));
            }
            self.owe(What::Own, &text);
        }
    }

    pub(super) fn heartbeat(&mut self) {
        if self.life == Life::Open && self.owed.is_empty() {
            self.owe(What::Other, ": heartbeat\n\n");
        }
    }

    /// The broker's news from the hub.
    pub(super) fn hear(&mut self, news: News) {
        let Some(member) = &mut self.member else { return };
        match &mut member.dropping {
            Some((gap, _)) => {
                gap.missed += 1;
                self.dropped[member.broker] += 1;
            }
            None => member.news.push(news),
        }
    }

    /// Leaves the broker; what was read of it stays owed.
    pub(super) fn leave(&mut self) {
        self.owe_news();
        self.member = None;
    }

    /// The news become owed, within the limits if the socket has refused bytes. Returns the id before the
    /// first that were not, and how many that are.
    fn owe_news(&mut self) -> Option<Gap> {
        let member = self.member.as_mut()?;
        let mut news: VecDeque<News> = std::mem::take(&mut member.news).into();
        let (asked, broker) = (member.asked, member.broker);
        let rules = &BROKERS[broker];
        if news.is_empty() {
            // The limits are for what is new.
            return None;
        }
        if !self.refused {
            self.owe_all(broker, news);
            return None;
        }
        if rules.on_slow == OnSlow::DropOldest || asked == Asked::DropOldest {
            self.dropped[broker] += self.drop_oldest(broker, &mut news);
            self.owe_all(broker, news);
            return None;
        }
        while let Some(next) = news.pop_front() {
            let bytes = self.bytes_of_others() + self.frame(&next.text).len();
            let fits = self.owed_events() < rules.events && bytes <= rules.bytes;
            if !fits && self.owed_events() > 0 {
                let gap = Gap { missed: 1 + news.len() as u64, last: next.before };
                self.dropped[broker] += gap.missed;
                return Some(gap);
            }
            self.owe(What::Event(broker, next.before), &next.text);
        }
        None
    }

    fn owe_all(&mut self, broker: usize, news: VecDeque<News>) {
        for News { text, before } in news {
            self.owe(What::Event(broker, before), &text);
        }
    }

    /// Drops the broker's oldest, owed or new, until the rest fits; a notice stands in their place. Returns
    /// how many.
    fn drop_oldest(&mut self, broker: usize, news: &mut VecDeque<News>) -> u64 {
        let rules = &BROKERS[broker];
        let mut gap: Option<Gap> = None;
        loop {
            let new: usize = news.iter().map(|news| self.frame(&news.text).len()).sum();
            let events = self.owed_events() + news.len();
            let fits = events <= rules.events && self.bytes_of_others() + new <= rules.bytes;
            if fits || events <= 1 {
                break;
            }
            let first = |last| Gap { missed: 0, last };
            let oldest = self.drop_owed(broker).or_else(|| Some(first(news.pop_front()?.before)));
            let Some(oldest) = oldest else { break };
            gap.get_or_insert(oldest).missed += 1;
        }
        let Some(mut gap) = gap else { return 0 };
        let dropped = gap.missed;
        if !self.settings.noticing {
            return dropped;
        }
        let goes_before = |unit: &Unit| {
            let of = matches!(unit.what, What::Event(of, _) | What::Notice(of, _) if of == broker);
            unit.sent == 0 && of
        };
        let at = self.owed.iter().position(goes_before).unwrap_or(self.owed.len());
        if let Some(Unit { what: What::Notice(_, earlier), .. }) = self.owed.get(at) {
            gap = Gap { missed: earlier.missed + gap.missed, last: earlier.last.clone() };
            self.owed.remove(at);
        }
        let bytes = self.frame(&Self::notice(&gap));
        self.owed.insert(at, Unit { bytes, sent: 0, what: What::Notice(broker, gap) });
        dropped
    }

    /// Drops the oldest event of the broker that is owed and has not begun. Returns what begins there.
    fn drop_owed(&mut self, broker: usize) -> Option<Gap> {
        let of = |what: &What| matches!(what, What::Event(of, _) if *of == broker);
        let at = self.owed.iter().position(|unit| unit.sent == 0 && of(&unit.what))?;
        match self.owed.remove(at)?.what {
            What::Event(_, last) => Some(Gap { missed: 0, last }),
            _ => unreachable!("it is one"),
        }
    }
}

mod turn;
