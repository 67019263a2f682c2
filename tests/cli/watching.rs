//! `approvals watch` on a terminal, across a guard that starts anew, and to its end.

use std::io::Read;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::agent::call;
use super::house::{House, text, until};

/// A command that reads and writes a terminal of its own.
struct Terminal {
    child: Child,
    drawn: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn open(house: &House, words: &[&str]) -> Self {
        let program = house.command(&[]);
        let mut command = std::process::Command::new("python3");
        command
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/cli/terminal.py"
            ))
            .arg(program.get_program())
            .args(words)
            .current_dir(house.path("."))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for (name, value) in program.get_envs() {
            assert!(value.is_none());
            command.env_remove(name);
        }
        let mut child = command.spawn().unwrap();
        let drawn = Arc::new(Mutex::new(Vec::new()));
        let (mut out, kept) = (child.stdout.take().unwrap(), Arc::clone(&drawn));
        std::thread::spawn(move || {
            let mut some = [0; 4_096];
            while let Ok(count @ 1..) = out.read(&mut some) {
                kept.lock().unwrap().extend_from_slice(&some[..count]);
            }
        });
        Self { child, drawn }
    }

    /// The last whole picture, once it holds the words.
    #[track_caller]
    fn shows(&self, words: &str) -> String {
        until(Duration::from_secs(60), || {
            let drawn = text(&self.drawn.lock().unwrap());
            let picture = drawn.rsplit("\x1b[H").find(|one| one.ends_with("\x1b[J"));
            picture
                .filter(|picture| picture.contains(words))
                .map(ToOwned::to_owned)
        })
    }

    /// Presses Ctrl-C and gives the exit code and everything that was drawn.
    fn interrupt(mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let code = self.child.wait().unwrap().code();
        (code, text(&self.drawn.lock().unwrap()))
    }
}

#[test]
fn a_terminal_shows_what_waits_says_when_it_is_stale_and_is_given_back() {
    let house = House::new();
    house.operator();
    let key = house.key();
    let serving = house.serve();
    let terminal = Terminal::open(&house, &["approvals", "watch"]);
    terminal.shows("Nothing waits for a person.");
    let held = call(
        &house.agents_url(),
        &key,
        "till/pay",
        json!({"amount": 300}),
    )
    .1;
    let picture = terminal.shows(held["code"].as_str().unwrap());
    for words in [
        "countersign   1 waiting   live",
        "◆ critical",
        held["approval_id"].as_str().unwrap(),
        "clerk wants to call till/pay (money) with amount 300",
    ] {
        assert!(picture.contains(words), "{words}: {picture}");
    }
    // The guard goes and comes back at another address.
    assert_eq!(serving.stop(), Some(0));
    let picture = terminal.shows("stale ");
    assert!(picture.contains("1 waiting"), "{picture}");
    let _serving = house.serve();
    terminal.shows("1 waiting   live");
    house.ends(
        0,
        &["approvals", "deny", held["approval_id"].as_str().unwrap()],
    );
    terminal.shows("0 waiting   live");
    let (code, drawn) = terminal.interrupt();
    assert_eq!(code, Some(0), "{drawn}");
    assert!(drawn.starts_with("\x1b[?1049h"), "{drawn:?}");
    assert!(drawn.contains("\x1b[?25h\x1b[?1049l"), "{drawn:?}");
}

#[test]
fn elsewhere_each_change_is_a_line_and_an_interruption_is_a_clean_end() {
    let house = House::new();
    house.operator();
    let key = house.key();
    let _serving = house.serve();
    let held = call(
        &house.agents_url(),
        &key,
        "till/pay",
        json!({"amount": 300}),
    )
    .1;
    let file = std::fs::File::create(house.path("out")).unwrap();
    let mut watching = house
        .command(&["approvals", "watch"])
        .stdout(file)
        .spawn()
        .unwrap();
    let told = |words: &str| {
        until(Duration::from_secs(60), || {
            let told = std::fs::read_to_string(house.path("out")).unwrap();
            told.contains(words).then_some(told)
        })
    };
    told("held");
    house.ends(
        0,
        &["approvals", "deny", held["approval_id"].as_str().unwrap()],
    );
    let all = told("denied");
    assert_eq!(all.lines().count(), 2, "{all}");
    assert!(!all.contains('\x1b'), "{all:?}");
    let pid = rustix::process::Pid::from_child(&watching);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

#[test]
fn whoever_was_never_reached_is_no_loss_but_an_end() {
    let house = House::new();
    house.operator();
    let (_, err) = house.ends(1, &["approvals", "watch", "--url", "http://127.0.0.1:1"]);
    assert!(err.contains("cannot be reached"), "{err}");
}
