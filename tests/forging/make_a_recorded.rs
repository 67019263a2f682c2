//! A `Recorded` is made only by a store that has committed.
use countersign::model::digest::Digest;
use countersign::store::Recorded;

fn forge() -> Recorded {
    Recorded::new(1, Digest::of(b""))
}

fn main() {}
