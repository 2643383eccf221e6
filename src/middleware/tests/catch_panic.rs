//! Panics of all kinds within the chain.

use super::{ask, header};
use crate::middleware::{CatchPanic, Next, RequestId};
use crate::routing;
use crate::{Request, Router};
use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Is pending once.
#[derive(Default)]
struct Later(bool);

impl Future for Later {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Fails when it is dropped.
struct Brittle(&'static str);

impl Drop for Brittle {
    fn drop(&mut self) {
        panic!("on purpose: {}", self.0);
    }
}

fn app() -> Router {
    let at_once = || -> &'static str { panic!("on purpose: at once") };
    let later = async || -> &'static str {
        Later::default().await;
        panic!("on purpose: {}", "later")
    };
    let dropped = async || {
        let _brittle = Brittle("dropped");
        "lost"
    };
    Router::new()
        .route("/at-once", routing::get(at_once))
        .route("/later", routing::get(later))
        .route("/dropped", routing::get(dropped))
        .route("/", routing::get(async || "well"))
}

#[test]
fn middleware_further_out_sees_an_answer() {
    let app = Router::new().with(RequestId::new()).with(CatchPanic::new()).merge(app());
    for path in ["/at-once", "/later", "/dropped"] {
        let answer = ask(&app, "GET", path, &[]);
        assert_eq!((answer.status().as_u16(), answer.text()), (500, Some("the handler failed\n")));
        assert!(header(&answer, "x-request-id").is_some());
    }
    assert_eq!(ask(&app, "GET", "/", &[]).text(), Some("well"));
}

#[test]
fn middleware_further_in_is_caught_too() {
    let failing = async |_: Request, _: Next| -> &'static str { panic!("on purpose: inside") };
    let app = app().with(CatchPanic::new()).with(failing);
    assert_eq!(ask(&app, "GET", "/", &[]).status(), 500);
}

#[test]
fn callback_makes_the_answer_of_the_payload() {
    let told = |panic: &(dyn Any + Send)| {
        let fixed = panic.downcast_ref::<&str>().copied();
        let formatted = panic.downcast_ref::<String>().map(String::as_str);
        fixed.or(formatted).unwrap_or("nothing").to_owned()
    };
    let app = app().with(CatchPanic::new().answer_with(told));
    assert_eq!(ask(&app, "GET", "/at-once", &[]).text(), Some("on purpose: at once"));
    assert_eq!(ask(&app, "GET", "/later", &[]).text(), Some("on purpose: later"));
}
