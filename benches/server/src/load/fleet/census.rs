//! How many subscribers are in which condition. Counts only.

use crate::load::subscriber::Habit;

/// How many subscribers are in which condition. Those that come later, by churn or after a storm,
/// are counted there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Census {
    /// Got an open stream and read it, whatever became of it.
    pub(crate) connected: usize,
    /// Those of them whose bytes are only counted.
    pub(crate) counted: usize,
    /// Got none.
    pub(crate) refused: usize,
    /// Had an open stream that ended.
    pub(crate) lost: usize,
    /// Got an open stream and read it slowly.
    pub(crate) slow: usize,
    /// Slow ones whose stream the server ended.
    pub(crate) slow_cut: usize,
    /// Connected, and never read.
    pub(crate) stuck: usize,
    /// Stuck ones whose connection the server ended.
    pub(crate) stuck_cut: usize,
    /// Why the first refused one was.
    pub(crate) first_refusal: Option<String>,
    /// Why the first lost one was.
    pub(crate) first_loss: Option<String>,
}

impl Census {
    /// Those that have a stream or a refusal.
    pub(super) fn settled(&self) -> usize {
        self.connected + self.refused + self.slow + self.stuck
    }

    pub(super) fn connect(&mut self, habit: Habit) {
        match habit {
            Habit::Reads => self.connected += 1,
            Habit::Counts => {
                self.connected += 1;
                self.counted += 1;
            }
            Habit::Slow => self.slow += 1,
            Habit::Stuck => self.stuck += 1,
        }
    }

    pub(super) fn refuse(&mut self, count: usize, reason: String) {
        self.refused += count;
        self.first_refusal.get_or_insert(reason);
    }

    pub(super) fn lose(&mut self, habit: Habit, reason: String) {
        match habit {
            Habit::Reads | Habit::Counts => {
                self.lost += 1;
                self.first_loss.get_or_insert(reason);
            }
            // To end these is the server's right.
            Habit::Slow => self.slow_cut += 1,
            Habit::Stuck => self.stuck_cut += 1,
        }
    }
}
