//! A turn of the core and of the reference, and the comparison.

use super::*;

impl Exact {
    /// Lets both go on until nothing is left to do.
    pub(super) fn turn(&mut self) {
        self.core.run();
        self.plain.iter_mut().for_each(Subscriber::pull);
        self.hear();
        for broker in std::mem::take(&mut self.closing) {
            self.end_broker(broker);
        }
        let asked_before: Vec<bool> = self.plain.iter().map(is_asked).collect();
        self.plain.iter_mut().for_each(Subscriber::turn);
        for (at, before) in asked_before.into_iter().enumerate() {
            if !before && is_asked(&self.plain[at]) {
                self.asks[at].push_back(self.memberships[at]);
                self.gate.until_asked(&self.clients[at]);
            }
        }
        for (&topic, state) in &mut self.topics {
            let noticing = |one: &Subscriber| one.settings.noticing;
            let anybody = self.plain.iter().any(|one| one.topic() == Some(topic) && noticing(one));
            // Nobody keeps book for nobody.
            state.last_id = state.last_id.take().filter(|_| anybody);
        }
        self.forget_topics();
    }

    /// Gives everybody what was published for them.
    fn hear(&mut self) {
        for Unread { broker, position, id, text } in self.unread.drain(..) {
            for framing in [Framing::Chunked, Framing::Plain] {
                let Some(topic) = self.topics.get_mut(&(broker, framing)) else { continue };
                if position < topic.since {
                    continue;
                }
                let before = topic.last_id.clone();
                topic.last_id = id.clone().or(topic.last_id.take());
                let due = |one: &&mut Subscriber| {
                    one.topic() == Some((broker, framing))
                        && one.member.as_ref().is_some_and(|member| member.since <= position)
                };
                for one in self.plain.iter_mut().filter(due) {
                    one.hear(News { text: text.clone(), before: before.clone() });
                }
            }
        }
    }

    /// All leave a closed broker, and some end with it.
    fn end_broker(&mut self, broker: usize) {
        for one in &mut self.plain {
            if one.member.as_ref().is_some_and(|member| member.broker == broker) {
                one.leave();
                if one.settings.ends {
                    one.close(Disconnect::BrokerClosed);
                }
            }
        }
    }

    /// After a turn, and after anything else that is done.
    pub(super) fn compare(&mut self) {
        self.core.check();
        self.core.over.extend(std::iter::from_fn(|| self.core.fanout.next_over()));
        let mut dropped = [0; BROKERS.len()];
        for (peer, one) in self.peers.iter().zip(&self.plain) {
            let socket = &self.core.sockets.at(peer.to).bytes;
            assert!(
                *socket == one.out,
                "stream {}: {}\nis not {}",
                peer.to,
                String::from_utf8_lossy(socket),
                String::from_utf8_lossy(&one.out)
            );
            for (sum, one) in dropped.iter_mut().zip(one.dropped) {
                *sum += one;
            }
            let over = self.core.over.iter().find(|over| over.to == peer.to);
            let told = over.map(|over| (over.why, over.broken));
            let due = if let Life::Over(due) = one.life { due } else { None };
            assert_eq!(told, due, "stream {}", peer.to);
        }
        assert_eq!(self.brokers.iter().map(Broker::dropped_events).collect::<Vec<_>>(), dropped);
        for (at, broker) in self.brokers.iter().enumerate() {
            let member = |one: &&Subscriber| one.member.as_ref().is_some_and(|m| m.broker == at);
            assert_eq!(broker.subscriber_count(), self.plain.iter().filter(member).count());
        }
        let delivered: u64 = self.plain.iter().map(|one| one.delivered).sum();
        assert_eq!(self.core.counts.delivered.load(Ordering::Relaxed), delivered);
        let owed: usize = self.plain.iter().map(Subscriber::owed_bytes).sum();
        assert_eq!(self.core.fanout.owed_bytes, owed);
    }

    /// Lets everybody catch up, and ends all.
    pub(super) fn finish(mut self, drain: bool) {
        for at in 0..self.peers.len() {
            self.apply_to(at, &Op::Most { peer: at, bytes: usize::MAX });
            self.apply_to(at, &Op::Room { peer: at, bytes: usize::MAX });
        }
        self.apply(&Op::Turn);
        if !drain {
            (0..BROKERS.len()).for_each(|broker| self.apply(&Op::CloseBroker { broker }));
            self.apply(&Op::Turn);
        }
        self.core.fanout.close_all(Disconnect::Drain);
        self.plain.iter_mut().for_each(|one| one.close(Disconnect::Drain));
        self.apply(&Op::Turn);
        assert!(self.plain.iter().all(Subscriber::is_over));
        insides::check_empty(&self.core.fanout, &self.core.counts, &self.hub);
    }
}

impl Drop for Exact {
    fn drop(&mut self) {
        self.gate.open();
    }
}

fn is_asked(one: &Subscriber) -> bool {
    one.member.as_ref().is_some_and(|member| member.asked == Asked::Waiting)
}

impl Subscriber {
    /// Where it stands.
    pub(super) fn topic(&self) -> Option<(usize, Framing)> {
        self.member.as_ref().map(|member| (member.broker, self.framing))
    }
}

impl Settings {
    pub(super) fn config(self) -> ClientConfig {
        let mut config = ClientConfig::new().ends_with_brokers(self.ends);
        if self.noticing {
            config = config.gap_notice("missed");
        }
        if self.drops {
            config = config.queue_events(2).slow_policy(crate::ClientPolicy::Drop);
        }
        config
    }
}

impl OnSlow {
    pub(super) fn real(self) -> SlowPolicy {
        match self {
            Self::Drop => SlowPolicy::Drop,
            Self::DropOldest => SlowPolicy::DropOldest,
            Self::Remove => SlowPolicy::Remove,
            Self::Close => SlowPolicy::Close,
            Self::Ask => unreachable!("no answer"),
        }
    }
}
