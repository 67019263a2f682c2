//! A permit is consumed by its dispatch.
use std::sync::Arc;

use countersign::guard::{Guard, Permit};

async fn twice(guard: Arc<Guard>, permit: Permit) {
    let _first = guard.dispatch(permit).await;
    let _second = guard.dispatch(permit).await;
}

fn main() {}
