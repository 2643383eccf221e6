//! How far a stream is polled ahead of its connection.

use super::*;

/// Yields pieces of one size for ever.
struct Endless(usize);

impl Stream for Endless {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(vec![b'x'; self.0].into())))
    }
}

fn pump(piece: usize) -> (Pump, Rc<RefCell<Pipe>>) {
    let pipe = Rc::<RefCell<Pipe>>::default();
    let tell = Tell::new(Key::new(0, 0), &Rc::default());
    (Pump { stream: Box::pin(Endless(piece)), left: None, pipe: pipe.clone(), tell }, pipe)
}

fn poll(pump: &mut Pump) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(pump).poll(&mut context).is_pending());
}

#[test]
fn pieces_wait_up_to_the_limit_and_the_one_that_passes_it() {
    let limit = Body::STREAM_BUFFER_BYTES;
    for (piece, expected) in
        [(limit - 1, 2 * (limit - 1)), (limit, limit), (limit + 1, limit + 1), (4096, limit)]
    {
        let (mut pump, pipe) = pump(piece);
        for _ in 0..10 {
            poll(&mut pump);
        }
        assert_eq!(pipe.borrow().bytes, expected, "pieces of {piece}");
        // There is room for as many as are taken.
        pipe.borrow_mut().pop();
        poll(&mut pump);
        assert_eq!(pipe.borrow().bytes, expected, "pieces of {piece}");
    }
}

#[test]
fn nothing_is_polled_while_the_socket_is_full() {
    let (mut pump, pipe) = pump(1);
    pipe.borrow_mut().blocked = true;
    poll(&mut pump);
    assert_eq!(pipe.borrow().bytes, 0);
    assert!(pipe.borrow().waker.is_some());
}

#[test]
fn others_have_their_turn_between_pieces() {
    let (mut pump, pipe) = pump(1);
    poll(&mut pump);
    assert_eq!(pipe.borrow().pieces.len(), PIECES_PER_POLL);
}
