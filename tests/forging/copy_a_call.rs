//! A call exists once: what was judged is what runs.
use countersign::model::call::Call;

fn copy(call: &Call) -> Call {
    call.clone()
}

fn main() {}
