//! One stream's part in a turn of its core: what its socket takes, what follows when it does not, and how
//! the stream ends.

use super::*;

impl Subscriber {
    /// Goes on until its socket takes no more, or nothing is left.
    pub(in super::super) fn turn(&mut self) {
        loop {
            self.allow();
            let before = (self.out.len(), self.owed_bytes(), self.queue.len(), self.life);
            self.flush();
            self.deliver();
            if before == (self.out.len(), self.owed_bytes(), self.queue.len(), self.life) {
                return;
            }
        }
    }

    /// A socket that has room is tried again.
    pub(in super::super) fn allow(&mut self) {
        self.blocked &= self.room == 0;
    }

    pub(in super::super) fn is_over(&self) -> bool {
        matches!(self.life, Life::Over(_))
    }

    /// Offers what is owed.
    fn flush(&mut self) {
        if self.is_over() || self.blocked || self.owed.is_empty() {
            return;
        }
        let owed_own = self.owes_own();
        let Some(whole) = self.attempt() else { return };
        match (whole, self.life) {
            (false, Life::Closing(Disconnect::Slow)) => self.end(Disconnect::Slow, true),
            (false, _) => {
                self.refused = true;
                self.end_drops();
                if owed_own && !self.owes_own() {
                    self.pull();
                }
            }
            (true, Life::Closing(why)) => self.end(why, false),
            (true, _) => self.catch_up(),
        }
    }

    /// Offers the news, or lets them wait behind what is owed.
    fn deliver(&mut self) {
        if self.is_over() || self.member.as_ref().is_none_or(|member| member.news.is_empty()) {
            return;
        }
        let waits = !self.owed.is_empty();
        if let Some(gap) = self.owe_news() {
            self.past_limits(gap);
        }
        if !waits && self.attempt() == Some(false) {
            self.refused = true;
        }
    }

    /// One attempt with all that is owed. `None` if the socket broke, false if it did not take all.
    fn attempt(&mut self) -> Option<bool> {
        if self.broken {
            self.end(Disconnect::ClientGone, true);
            return None;
        }
        let offered = self.owed_bytes();
        let taken = offered.min(self.room).min(self.most);
        if self.room != usize::MAX {
            self.room -= taken;
        }
        let mut left = taken;
        while left > 0 {
            let unit = self.owed.front_mut().expect("no more than was offered");
            let part = left.min(unit.bytes.len() - unit.sent);
            self.out.extend_from_slice(&unit.bytes[unit.sent..unit.sent + part]);
            unit.sent += part;
            left -= part;
            if unit.sent == unit.bytes.len() {
                self.delivered += u64::from(unit.what.is_event());
                self.owed.pop_front();
            }
        }
        self.blocked = taken < offered;
        Some(taken == offered)
    }

    /// The broker's limits do not let all in that is owed.
    fn past_limits(&mut self, gap: Gap) {
        let until = self.out.len() + self.owed_bytes();
        let Some(member) = &mut self.member else { return };
        member.dropping = Some((gap, until));
        match BROKERS[member.broker].on_slow {
            OnSlow::Ask if member.asked == Asked::No => member.asked = Asked::Waiting,
            OnSlow::Ask => {}
            policy => self.apply(policy),
        }
    }

    /// Does what the policy, or the callback, says.
    fn apply(&mut self, policy: OnSlow) {
        match policy {
            OnSlow::Drop | OnSlow::Ask => {}
            OnSlow::DropOldest => {
                if self.member.as_ref().is_some_and(|member| member.dropping.is_some()) {
                    self.resume();
                    self.member.iter_mut().for_each(|member| member.asked = Asked::DropOldest);
                }
            }
            OnSlow::Remove => {
                self.leave();
                if self.settings.ends {
                    self.end_slow();
                }
            }
            OnSlow::Close => self.end_slow(),
        }
    }

    /// What the callback says of this membership.
    pub(in super::super) fn answer(&mut self, policy: OnSlow) {
        if let Some(member) = self.member.as_mut().filter(|m| m.asked == Asked::Waiting) {
            member.asked = Asked::No;
            self.apply(policy);
        }
    }

    /// Goes on with the next event, and is told what it missed.
    fn resume(&mut self) {
        let Some(member) = &mut self.member else { return };
        let (broker, gap) = (member.broker, member.dropping.take());
        if let Some((gap, _)) = gap.filter(|_| self.settings.noticing) {
            let text = Self::notice(&gap);
            self.owe(What::Notice(broker, gap), &text);
        }
    }

    /// Goes on if what was owed when it began to drop has left.
    fn end_drops(&mut self) {
        let dropping = self.member.as_ref().and_then(|member| member.dropping.as_ref());
        if dropping.is_some_and(|(_, until)| *until <= self.out.len()) {
            self.resume();
        }
    }

    /// Nothing is owed any more.
    fn catch_up(&mut self) {
        self.refused = false;
        self.resume();
        if let Some(member) = self.member.as_mut().filter(|m| m.asked == Asked::DropOldest) {
            member.asked = Asked::No;
        }
        self.pull();
    }

    fn end_slow(&mut self) {
        if self.blocked {
            self.end(Disconnect::Slow, true);
        } else {
            self.close(Disconnect::Slow);
        }
    }

    /// Ends in order, after all that was let in.
    pub(in super::super) fn close(&mut self, why: Disconnect) {
        if self.life != Life::Open {
            return;
        }
        self.leave();
        self.life = Life::Closing(why);
        self.take_queue(usize::MAX);
        if self.framing == Framing::Chunked {
            let bytes = b"0\r\n\r\n".to_vec();
            self.owed.push_back(Unit { bytes, sent: 0, what: What::Other });
        }
        if self.owed.is_empty() {
            self.end(why, false);
        }
    }

    fn end(&mut self, why: Disconnect, broken: bool) {
        self.life = Life::Over(Some((why, broken)));
        self.forget();
    }

    /// Its owner gave it up.
    pub(in super::super) fn gone(&mut self) {
        if !self.is_over() {
            self.life = Life::Over(None);
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.member = None;
        self.owed.clear();
        self.queue.clear();
    }
}
