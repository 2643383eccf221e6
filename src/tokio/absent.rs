//! What stands for a tokio runtime in a build without the feature: nothing.

/// No runtime.
#[derive(Clone, Default)]
pub(crate) struct Runtime(());

/// Never made.
pub(crate) type Entered<'a> = std::marker::PhantomData<&'a Runtime>;

impl Runtime {
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        None
    }
}
