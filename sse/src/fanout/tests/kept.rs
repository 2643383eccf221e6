//! Clients whose own events are kept: ids of the store on the wire, and what was missed before what is new,
//! each once and nobody else's.

use super::sending::poll;
use super::stores::{Task, finish, remote, until};
use super::*;
use crate::keeper::ID_LINE_BYTES;
use crate::replay::{Ids, Page, ReplayStore, RingBuffer, Scope, StoreError, UnknownId};
use crate::{ClientPolicy, ClientReplay, EventId, PreparedEvent, ResumeError, SendRefusal};
use std::pin::pin;
use std::task::Poll;
use std::thread;

pub(super) fn stores() -> [Arc<dyn ReplayStore>; 2] {
    [Arc::new(RingBuffer::new(100_000)), remote()]
}

pub(super) fn ada() -> Scope {
    Scope::user("ada")
}

/// What came of giving a client what it missed, once that is done.
pub(super) type Resumed = Arc<Mutex<Option<Result<(), ResumeError>>>>;

/// A stream of this scope that is being given what it missed.
pub(super) fn coming(
    core: &mut Core,
    config: &Arc<ClientConfig>,
    replay: &ClientReplay,
    scope: Scope,
    after: Option<u64>,
) -> (Peer, Client, Task, Resumed) {
    let peer = core.open_with(Framing::Chunked, config);
    let client = core.client(peer);
    replay.attach(&client, scope);
    let outcome = Arc::new(Mutex::new(None));
    let (told, its, replay) = (outcome.clone(), client.clone(), replay.clone());
    let task = Task::new(async move {
        let resumed = replay.resume(&its, after.map(EventId::from).as_ref()).await;
        *told.lock().expect("no panic") = Some(resumed);
    });
    (peer, client, task, outcome)
}

/// A stream of this scope that has what it missed.
pub(super) fn come(
    core: &mut Core,
    replay: &ClientReplay,
    scope: Scope,
    after: Option<u64>,
) -> (Peer, Client) {
    let config = Arc::new(ClientConfig::new().queue_events(1000));
    let (peer, client, mut task, outcome) = coming(core, &config, replay, scope, after);
    finish(core, &mut task);
    outcome.lock().expect("no panic").take().expect("it is done").expect("it has all");
    (peer, client)
}

/// Sends, as a task of the core does.
pub(super) fn send(core: &mut Core, client: &Client, event: Event) {
    let client = client.clone();
    let mut task = Task::new(async move { client.send(event).await.expect("it is taken") });
    finish(core, &mut task);
}

pub(super) fn seen(core: &mut Core, peer: Peer) -> Vec<(Option<u64>, String)> {
    let id = |id: &String| id.parse().expect("a number");
    core.wire(peer).events.into_iter().map(|e| (e.id.as_ref().map(id), e.data)).collect()
}

pub(super) fn numbered(from: u64, to: u64) -> Vec<(Option<u64>, String)> {
    (from..=to).map(|n| (Some(n), n.to_string())).collect()
}

#[test]
fn what_a_client_is_sent_has_the_ids_of_the_store_and_comments_have_none() {
    for store in stores() {
        let (replay, mut core) = (ClientReplay::new(store), Core::new());
        let (peer, client) = come(&mut core, &replay, ada(), None);
        send(&mut core, &client, Event::data("1").id("own"));
        send(&mut core, &client, Event::new().comment("c").id("own"));
        send(&mut core, &client, Event::new().retry(std::time::Duration::from_secs(1)));
        client.try_send(Event::data("2").event("e").comment("c")).expect("room");
        until(&mut core, "all are queued", |_| replay.stats().waiting == 0);
        core.run();
        let bytes = String::from_utf8_lossy(&core.socket(peer).bytes).into_owned();
        assert!(bytes.contains("id: 0\n\n"), "it is told where it begins: {bytes}");
        assert!(!bytes.contains("own"), "{bytes}");
        assert_eq!(seen(&mut core, peer), numbered(1, 2));
        assert_eq!((replay.stats().stored, client.dropped_events()), (2, 0));
    }
}

#[test]
fn who_comes_back_gets_what_was_missed_before_what_is_sent() {
    for store in stores() {
        let (replay, mut core) = (ClientReplay::new(store), Core::new());
        let (_, client) = come(&mut core, &replay, ada(), None);
        for n in 1..=700u64 {
            client.try_send(Event::data(n.to_string())).expect("room");
            if n % 100 == 0 {
                until(&mut core, "all are stored", |_| replay.stats().stored == n);
            }
        }
        for (times, after) in [0, 1, 256, 444, 699, 700].into_iter().enumerate() {
            let (peer, client) = come(&mut core, &replay, ada(), Some(after));
            let number = 701 + times as u64;
            send(&mut core, &client, Event::data(number.to_string()));
            assert_eq!(seen(&mut core, peer), numbered(after + 1, number));
        }
    }
}

/// A client of another scope, whatever id it claims, gets nothing of it.
#[test]
fn pitfall_7_no_store_replays_one_clients_private_events_to_another() {
    for store in stores() {
        let (replay, mut core) = (ClientReplay::new(store), Core::new());
        let (_, client) = come(&mut core, &replay, ada(), None);
        send(&mut core, &client, Event::data("private"));
        for scope in
            [Scope::user("eve"), Scope::topic("ada"), Scope::session("ada"), Scope::shared()]
        {
            let (peer, other) = come(&mut core, &replay, scope.clone(), Some(0));
            send(&mut core, &other, Event::data("mine"));
            assert_eq!(seen(&mut core, peer), [(Some(1), "mine".to_owned())], "{scope:?}");
        }
        let (peer, _) = come(&mut core, &replay, ada(), Some(0));
        assert_eq!(seen(&mut core, peer), [(Some(1), "private".to_owned())]);
    }
}

/// What others append later is theirs: it is replayed to who comes back, and not sent at once.
#[test]
fn a_stream_gets_what_its_scope_had_and_then_what_its_own_client_is_sent() {
    for store in stores() {
        let (replay, mut core) = (ClientReplay::new(store), Core::new());
        let (old, first) = come(&mut core, &replay, ada(), None);
        (1..=3).for_each(|n| send(&mut core, &first, Event::data(n.to_string())));
        let (new, second) = come(&mut core, &replay, ada(), Some(1));
        send(&mut core, &first, Event::data("4"));
        send(&mut core, &second, Event::data("5"));
        send(&mut core, &first, Event::data("6"));
        let due = |ids: &[u64]| ids.iter().flat_map(|&n| numbered(n, n)).collect::<Vec<_>>();
        assert_eq!(seen(&mut core, old), due(&[1, 2, 3, 4, 6]));
        assert_eq!(seen(&mut core, new), due(&[2, 3, 5]));
        let (back, _) = come(&mut core, &replay, ada(), Some(3));
        assert_eq!(seen(&mut core, back), due(&[4, 5, 6]));
    }
}

/// Lets others go first between the id of an event and what its sender does with it.
struct Hesitating(RingBuffer);

impl ReplayStore for Hesitating {
    fn append(&self, scope: &Scope, events: &[PreparedEvent]) -> Result<Ids, StoreError> {
        let ids = self.0.append(scope, events);
        (0..10).for_each(|_| thread::yield_now());
        ids
    }

    fn since(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Page, StoreError> {
        self.0.since(scope, after, max)
    }

    fn tail(&self, scope: &Scope) -> Result<EventId, StoreError> {
        self.0.tail(scope)
    }

    fn blocks(&self) -> bool {
        false
    }
}

#[test]
fn ids_only_grow_however_many_clones_send_at_once() {
    let stores: [Arc<dyn ReplayStore>; 2] =
        [Arc::new(Hesitating(RingBuffer::new(10_000))), remote()];
    for store in stores {
        let (replay, mut core) = (ClientReplay::new(store), Core::new());
        let (peer, client) = come(&mut core, &replay, ada(), None);
        let (_, other) = come(&mut core, &replay, ada(), None);
        let senders: Vec<_> = [&client, &client, &client, &other]
            .map(|client| {
                let client = client.clone();
                thread::spawn(move || {
                    (0..500).for_each(|_| client.send_blocking(Event::data("x")).expect("taken"));
                })
            })
            .into();
        until(&mut core, "all are sent", |_| senders.iter().all(thread::JoinHandle::is_finished));
        for sender in senders {
            sender.join().expect("no panic");
        }
        core.run();
        let seen = seen(&mut core, peer);
        assert_eq!((seen.len(), replay.stats().stored), (1500, 2000));
        assert!(seen.is_sorted_by(|one, next| one.0 < next.0));
    }
}

#[test]
fn what_is_refused_is_not_stored_and_what_is_stored_is_sent() {
    for (queue, policy) in [(2, ClientPolicy::Block), (2, ClientPolicy::Drop)] {
        let (replay, mut core) = (ClientReplay::new(Arc::new(RingBuffer::new(100))), Core::new());
        let config = Arc::new(ClientConfig::new().queue_events(queue).slow_policy(policy));
        let (peer, client, mut task, _) = coming(&mut core, &config, &replay, ada(), Some(0));
        finish(&mut core, &mut task);
        let outcomes: Vec<_> =
            (1..=3).map(|n| client.try_send(Event::data(n.to_string()))).collect();
        match policy {
            ClientPolicy::Block => {
                let refusals: Vec<_> =
                    outcomes.into_iter().map(|o| o.map_err(|e| e.refusal())).collect();
                assert_eq!(refusals, [Ok(()), Ok(()), Err(SendRefusal::Full)]);
            }
            _ => {
                assert_eq!(
                    (outcomes.iter().all(Result::is_ok), client.dropped_events()),
                    (true, 1)
                );
            }
        }
        assert_eq!(replay.stats().stored, 2);
        let empty = client.try_send(Event::new()).expect_err("nothing");
        assert_eq!(empty.refusal(), SendRefusal::Empty);
        core.run();
        client.close();
        let closed = client.try_send(Event::data("x")).expect_err("closed");
        assert_eq!(closed.refusal(), SendRefusal::Closed);
        core.run();
        assert_eq!((seen(&mut core, peer), replay.stats().stored), (numbered(1, 2), 2));
    }
}

#[test]
fn a_queue_has_room_for_an_event_only_with_its_id() {
    let event = || Event::data("x".repeat(100));
    let bytes = PreparedEvent::new(&event()).len();
    let both = ("id: 1\n".len() + bytes) + (ID_LINE_BYTES + bytes);
    for (most, fits) in [(both - 1, false), (both, true), (both + 1, true)] {
        let (replay, mut core) = (ClientReplay::new(Arc::new(RingBuffer::new(100))), Core::new());
        let config = Arc::new(ClientConfig::new().queue_bytes(most));
        let (_, client, mut task, _) = coming(&mut core, &config, &replay, ada(), Some(0));
        finish(&mut core, &mut task);
        client.try_send(event()).expect("any has a place alone");
        assert_eq!(client.try_send(event()).is_ok(), fits, "{most} bytes");
        assert_eq!(replay.stats().stored, 1 + u64::from(fits));
        core.run();
    }
}

#[test]
fn what_is_sent_while_a_client_gets_what_it_missed_comes_after_it() {
    let (replay, mut core) = (ClientReplay::new(Arc::new(RingBuffer::new(1000))), Core::new());
    let (_, client) = come(&mut core, &replay, ada(), None);
    (1..=300).for_each(|n| client.try_send(Event::data(n.to_string())).expect("room"));
    let (peer, client, mut task, _) = coming(&mut core, &Arc::default(), &replay, ada(), Some(0));
    client.try_send(Event::data("greeting").id("own")).expect("room");
    core.run();
    core.stall(peer);
    assert!(!task.poll());
    let busy = client.try_send(Event::data("301")).expect_err("not yet");
    assert_eq!(busy.refusal(), SendRefusal::Busy);
    let busy = client.try_send(Event::new().comment("c")).expect_err("a page is in the queue");
    assert_eq!(busy.refusal(), SendRefusal::Busy);
    {
        let mut waiting = pin!(client.send(Event::data("301")));
        assert!(poll(waiting.as_mut()).is_pending());
        core.allow(peer, usize::MAX);
        finish(&mut core, &mut task);
        assert!(matches!(poll(waiting), Poll::Ready(Ok(()))));
    }
    core.run();
    let mut due = vec![(None, "greeting".to_owned())];
    due.extend(numbered(1, 301));
    assert_eq!(seen(&mut core, peer), due);
}

#[test]
fn an_id_that_the_store_does_not_know_is_told_and_the_client_begins_anew() {
    for store in stores() {
        let (replay, mut core) = (ClientReplay::new(store), Core::new());
        let (_, client) = come(&mut core, &replay, ada(), None);
        send(&mut core, &client, Event::data("1"));
        let (peer, client, mut task, outcome) =
            coming(&mut core, &Arc::default(), &replay, ada(), Some(7));
        finish(&mut core, &mut task);
        let refused = outcome.lock().expect("no panic").take().expect("it is done");
        let Err(ResumeError::Store(StoreError::Unknown { why, .. })) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((why, replay.stats().read_failures), (UnknownId::Future, 0));
        send(&mut core, &client, Event::data("it is told"));
        let (its, again) = (client.clone(), replay.clone());
        let mut task = Task::new(async move { again.resume(&its, None).await.expect("it begins") });
        finish(&mut core, &mut task);
        send(&mut core, &client, Event::data("2"));
        let seen = seen(&mut core, peer);
        assert_eq!(seen, [(None, "it is told".to_owned()), (Some(2), "2".to_owned())]);
        assert!(String::from_utf8_lossy(&core.socket(peer).bytes).contains("id: 1\n\n"));
    }
}

#[test]
fn pitfall_19_a_client_that_missed_much_is_queued_a_page_at_most() {
    let (replay, mut core) = (ClientReplay::new(Arc::new(RingBuffer::new(100_000))), Core::new());
    let (_, client) = come(&mut core, &replay, ada(), None);
    for n in 1..=50_000u32 {
        client.try_send(Event::data(n.to_string())).expect("room");
        if n % 500 == 0 {
            core.run();
        }
    }
    let (peer, client, mut task, _) = coming(&mut core, &Arc::default(), &replay, ada(), Some(0));
    core.run();
    core.stall(peer);
    let (mut owed, mut queued) = (0, 0);
    while !task.poll() {
        core.allow(peer, 3000);
        queued = queued.max(client.queue_depth());
        core.step();
        owed = owed.max(core.fanout.owed_bytes);
        core.stall(peer);
    }
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(seen(&mut core, peer), numbered(1, 50_000));
    assert!(queued <= 256 && owed < 64 * 1024, "{queued} events queued, {owed} bytes owed");
}
