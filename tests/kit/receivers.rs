//! Receivers of notifications, made of other implementations, that `tests/kit/install` installed.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// The secret that the receivers of webhooks share.
pub(crate) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A program of the kit that writes what it receives into its folder; it ends with the test.
pub(crate) struct Receiver {
    child: Child,
    folder: TempDir,
    received: &'static str,
}

impl Receiver {
    /// A receiver of webhooks that verifies their signatures.
    pub(crate) fn of_webhooks() -> Self {
        let receiver = Self::begin("receiver.py", &[SECRET], "messages");
        receiver.write("key", "whpk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        receiver
    }

    /// A mail server: `starttls`, `tls` or `none`.
    pub(crate) fn of_mail(mode: &str, user: &str, password: &str) -> Self {
        Self::begin("mailbox.py", &[mode, user, password], "mails")
    }

    /// An issuer's set of keys over TLS.
    pub(crate) fn of_askers(keys: &str) -> Self {
        let keyring = Self::begin("keyring.py", &[], "asked");
        keyring.write("keys.json", keys);
        keyring
    }

    fn begin(program: &str, args: &[&str], received: &'static str) -> Self {
        let folder = TempDir::new().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kit");
        let child = Command::new(python())
            .arg(PathBuf::from(script).join(program))
            .arg(folder.path())
            .args(args)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            folder,
            received,
        }
    }

    /// The port that it listens on, once it does.
    pub(crate) fn port(&self) -> u16 {
        until(|| {
            let port = std::fs::read_to_string(self.folder.path().join("port")).ok()?;
            Some(port.parse().unwrap())
        })
    }

    /// Where its certificate's authority is.
    pub(crate) fn authority(&self) -> PathBuf {
        self.port();
        self.folder.path().join("ca.pem")
    }

    /// Puts a file into its folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// What it received so far.
    pub(crate) fn received(&self) -> Vec<Value> {
        let lines = std::fs::read_to_string(self.folder.path().join(self.received));
        let lines = lines.unwrap_or_default();
        let whole = lines.rfind('\n').map_or("", |end| &lines[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// What it received, once there is as much as that.
    #[track_caller]
    pub(crate) fn receives(&self, count: usize) -> Vec<Value> {
        until(|| Some(self.received()).filter(|received| received.len() >= count))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn python() -> PathBuf {
    let beside_the_build = || {
        let build = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
        build.unwrap().join("kit")
    };
    let kit = std::env::var_os("KIT").map_or_else(beside_the_build, PathBuf::from);
    let python = kit.join("receivers/bin/python");
    assert!(
        python.is_file(),
        "nothing receives notifications in {}: run `tests/run` once, or `tests/kit/install`",
        kit.display()
    );
    python
}

#[track_caller]
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_500 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing was received in time");
}
