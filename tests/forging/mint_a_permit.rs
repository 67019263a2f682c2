//! A permit is minted only inside the guard.
use countersign::guard::Permit;
use countersign::model::call::Call;
use countersign::store::Recorded;

fn forge(call: Call, recorded: Recorded) -> Permit {
    Permit { call, recorded }
}

fn main() {}
