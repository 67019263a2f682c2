//! The fair way: the guard is asked, and what it permits is dispatched once.
use std::sync::Arc;

use countersign::guard::{Guard, Permit};
use countersign::model::call::Call;

async fn once(guard: Arc<Guard>, permit: Permit) -> bool {
    let _looked_at: &Call = permit.call();
    guard.dispatch(permit).await.is_ok()
}

fn main() {}
