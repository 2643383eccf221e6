//! A small API: notes in memory, read by everybody, changed by those with the token, used from a page of
//! another origin, and logged.
//!
//! `cargo run --example json_api --features json,tracing -- [HOST:PORT]`, then:
//!
//! ```sh
//! curl http://127.0.0.1:8080/api/notes
//! curl -X POST -H 'authorization: Bearer secret' -H 'content-type: application/json' \
//!     -d '{"text": "milk"}' http://127.0.0.1:8080/api/notes
//! curl 'http://127.0.0.1:8080/api/notes?contains=mil'
//! curl -X DELETE -H 'authorization: Bearer secret' http://127.0.0.1:8080/api/notes/1
//! ```

use headwater::extract::{Json, Path, Query, State};
use headwater::http::{Method, StatusCode, header};
use headwater::middleware::{AccessLog, CatchPanic, Cors, Next, RequestId};
use headwater::routing::get;
use headwater::{IntoResponse, Request, Response, Router, Server};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What all handlers share. Cloning it shares it.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<BTreeMap<u64, String>>>);

#[derive(Serialize)]
struct Note {
    id: u64,
    text: String,
}

#[derive(Deserialize)]
struct NewNote {
    text: String,
}

#[derive(Deserialize)]
struct Filter {
    #[serde(default)]
    contains: String,
}

impl Notes {
    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<u64, String>) -> T) -> T {
        // No handler leaves a note half changed.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn list(State(notes): State<Notes>, Query(filter): Query<Filter>) -> Json<Vec<Note>> {
    let wanted = |text: &&String| text.contains(&filter.contains);
    Json(notes.with(|notes| {
        let notes = notes.iter().filter(|(_, text)| wanted(text));
        notes.map(|(&id, text)| Note { id, text: text.clone() }).collect()
    }))
}

fn add(State(notes): State<Notes>, Json(new): Json<NewNote>) -> impl IntoResponse {
    let id = notes.with(|notes| {
        let id = notes.last_key_value().map_or(1, |(last, _)| last + 1);
        notes.insert(id, new.text.clone());
        id
    });
    let location = [(header::LOCATION, format!("/api/notes/{id}"))];
    (StatusCode::CREATED, location, Json(Note { id, text: new.text }))
}

/// 404 where there is none.
fn show(State(notes): State<Notes>, Path(id): Path<u64>) -> Option<Json<Note>> {
    let text = notes.with(|notes| notes.get(&id).cloned())?;
    Some(Json(Note { id, text }))
}

fn remove(State(notes): State<Notes>, Path(id): Path<u64>) -> StatusCode {
    let removed = notes.with(|notes| notes.remove(&id)).is_some();
    if removed { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

/// Lets everybody read, and those with the token write.
async fn writers_only(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || request.header("authorization") == Some(b"Bearer secret") {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge, "a token is needed\n").into_response()
}

fn app() -> Router {
    let notes = Router::new()
        .with(writers_only)
        .route("/notes", get(list).post(add))
        .route("/notes/{id}", get(show).delete(remove));
    let cors = Cors::origins(["http://localhost:5173"])
        .methods([Method::DELETE])
        .headers(["authorization", "content-type"]);
    // In this order: what is logged has an id, panics are logged as 500, refusals can be read by pages.
    Router::new()
        .with(RequestId::new())
        .with(AccessLog::new().skip_paths(["/health"]))
        .with(cors)
        .with(CatchPanic::new())
        .route("/health", get(|| "well\n"))
        .nest("/api", notes)
        .state(Notes::default())
}

fn main() -> Result<(), headwater::Error> {
    tracing_subscriber::fmt().init();
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned());
    let server = Server::builder().bind(addr).serve(app())?;
    println!("{server}");
    server.wait_for_signal(Duration::from_secs(2))
}
