//! P13: a guard in a process of its own that serves and has nothing to do.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::figures::Row;
use super::{resident, rules};

/// The word that makes this program a guard.
pub(crate) const SERVE: &str = "serve";

/// The row.
pub(crate) async fn rows() -> Vec<Row> {
    let place = tempfile::tempdir().unwrap();
    let config =
        "version: 1\nlisten: {agents: '127.0.0.1:0', operators: '127.0.0.1:0'}\nupstreams: {}\n";
    std::fs::write(place.path().join("countersign.yaml"), config).unwrap();
    std::fs::create_dir(place.path().join("scopes")).unwrap();
    let source = rules::manifest("clerk", 50);
    std::fs::write(place.path().join("scopes/clerk.yaml"), source.text).unwrap();
    let mut serving = Command::new(std::env::current_exe().unwrap())
        .arg(SERVE)
        .current_dir(place.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let notice = place.path().join("data/guard.json");
    for _ in 0..LONGEST_SECONDS {
        if notice.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mebibytes = resident(serving.id()) / 1_024.0;
    let ended = serving.try_wait().unwrap();
    assert!(
        notice.exists() && ended.is_none(),
        "the guard does not serve: {ended:?}"
    );
    serving.kill().unwrap();
    serving.wait().unwrap();
    vec![
        Row::new(
            "P13",
            "resident memory of an idle guard, 50 rules",
            "MiB",
            &[mebibytes],
        )
        .most(25.0),
    ]
}

const LONGEST_SECONDS: usize = 30;
