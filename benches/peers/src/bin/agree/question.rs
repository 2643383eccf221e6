//! What is asked: a load that two generators can put on the same server, ours and one that shares no
//! code with it. How each is told to is the business of `generator`.

use std::fmt;

use crate::generator::Generator;

/// Requests each second of what is paced: below what either generator, or any engine, can do.
const REQUESTS_PER_S: u32 = 5_000;

/// All of them. What is on a schedule is below what a core that decodes it by hyper can do.
pub(crate) const QUESTIONS: &[Question] = &[
    Question::Flat { connections: 1, depth: 1 },
    Question::Flat { connections: 64, depth: 1 },
    Question::Flat { connections: 64, depth: 16 },
    Question::Paced { connections: 64, rate: REQUESTS_PER_S },
    Question::Events { subscribers: 1, rate: 100 },
    Question::Events { subscribers: 100, rate: 100 },
    Question::Events { subscribers: 500, rate: 50 },
];

/// A load.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Question {
    /// As many requests as are answered, so many at once on each connection.
    Flat { connections: usize, depth: usize },
    /// So many requests a second, on all connections together.
    Paced { connections: usize, rate: u32 },
    /// So many events a second, to each subscriber.
    Events { subscribers: usize, rate: u32 },
}

impl Question {
    /// The one that shares no code with ours, and ours.
    pub(crate) fn generators(self) -> [Generator; 2] {
        match self {
            Self::Flat { .. } => [Generator::Wrk, Generator::Ask],
            Self::Paced { .. } => [Generator::Witness, Generator::Ask],
            Self::Events { .. } => [Generator::Witness, Generator::Load],
        }
    }

    /// Whether many are to have the same at once.
    pub(crate) fn is_fan_out(self) -> bool {
        matches!(self, Self::Events { subscribers: 2.., .. })
    }

    /// Whether there is a schedule to keep.
    pub(crate) fn is_paced(self) -> bool {
        !matches!(self, Self::Flat { .. })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        match *self {
            Self::Flat { connections, depth: 1 } => {
                write!(out, "GET /plaintext, flat out, {}", of(connections, "connection"))
            }
            Self::Flat { connections, depth } => {
                let connections = of(connections, "connection");
                write!(out, "GET /plaintext, flat out, {connections}, {depth} pipelined on each")
            }
            Self::Paced { connections, rate } => {
                let connections = of(connections, "connection");
                write!(out, "GET /plaintext, {rate} a second, {connections}")
            }
            Self::Events { subscribers, rate } => {
                write!(out, "{rate} events a second, {}", of(subscribers, "subscriber"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_has_a_name_of_its_own() {
        let mut names: Vec<String> = QUESTIONS.iter().map(ToString::to_string).collect();
        assert_eq!(names[0], "GET /plaintext, flat out, 1 connection");
        assert_eq!(names[2], "GET /plaintext, flat out, 64 connections, 16 pipelined on each");
        assert_eq!(names[6], "50 events a second, 500 subscribers");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), QUESTIONS.len());
    }

    #[test]
    fn ours_is_asked_last_and_another_first() {
        for question in QUESTIONS {
            let [theirs, ours] = question.generators();
            assert!(!theirs.is_ours() && ours.is_ours(), "{question}");
        }
    }
}
