//! A `Recorded` is made only by a store that has committed.
use countersign::audit::entry::StoredEntry;
use countersign::store::Recorded;

fn forge(entry: &StoredEntry) -> Recorded {
    Recorded::of(entry)
}

fn main() {}
