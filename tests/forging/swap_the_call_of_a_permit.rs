//! The call of a permit can be looked at, not changed.
use countersign::guard::Permit;
use countersign::model::arguments::Arguments;

fn swap(permit: &mut Permit) {
    permit.call().arguments = Arguments::none();
}

fn main() {}
