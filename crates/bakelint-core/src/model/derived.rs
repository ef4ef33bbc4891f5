//! A place for facts that are derived from the model on demand, each kind once.

use std::any::Any;
use std::fmt;
use std::sync::OnceLock;

/// Facts of any number of kinds, told apart by their type. The model does not know them: what follows from it is worked
/// out in layers above.
#[derive(Default)]
pub struct Derived(OnceLock<Box<Entry>>);

struct Entry {
    fact: Box<dyn Any + Send + Sync>,
    next: Derived,
}

impl Derived {
    /// The fact of type `T`, worked out by `derive` if nobody has asked for it before. `derive` may ask for other facts.
    pub fn get<T: Any + Send + Sync>(&self, derive: impl FnOnce() -> T) -> &T {
        let mut place = self;
        while let Some(entry) = place.0.get() {
            match entry.fact.downcast_ref() {
                Some(fact) => return fact,
                None => place = &entry.next,
            }
        }
        // Worked out before a place is taken for it, so that others can be worked out on the way.
        let mut new = Some(Box::new(derive()) as Box<dyn Any + Send + Sync>);
        loop {
            let entry = place.0.get_or_init(|| {
                let fact = new.take().unwrap_or_else(|| Box::new(()));
                Box::new(Entry { fact, next: Derived::default() })
            });
            // Ours, or the same one of another thread that was faster.
            match entry.fact.downcast_ref() {
                Some(fact) => return fact,
                None => place = &entry.next,
            }
        }
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Derived").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Derived;

    #[test]
    fn each_kind_of_fact_is_derived_once() {
        let derived = Derived::default();
        assert_eq!(*derived.get(|| 1u8), 1);
        assert_eq!(derived.get(|| "text".to_owned()), "text");
        assert_eq!(*derived.get(|| 2u8), 1);
        assert_eq!(derived.get(|| "other".to_owned()), "text");
    }

    #[test]
    fn a_fact_may_rest_on_another_one() {
        let derived = Derived::default();
        let text: &String = derived.get(|| format!("{}", derived.get(|| 7u8)));
        assert_eq!((text.as_str(), *derived.get(|| 1u8)), ("7", 7));
    }
}
