//! A server as a child process: started with nothing but what was declared, ended with all its kin.
//!
//! What the guard itself opens is closed in the child, since the standard library marks every
//! descriptor so; a descriptor that the guard's own launcher left open beyond the standard three is
//! not ours to find without unsafe code, and passes.

use std::env;
use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{Child as Handle, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::sleep;

use super::fault::LinkError;
use super::program;
use super::spec::StdioSpec;
use crate::limits::UPSTREAM_EXIT_GRACE;

/// A running child, leader of its own process group.
#[derive(Debug)]
pub(super) struct Child {
    group: Option<Pid>,
    handle: Mutex<Option<Handle>>,
}

/// The child's ends of its three pipes.
pub(super) struct Ends {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Child {
    /// Starts the program.
    pub(super) fn start(spec: &StdioSpec) -> Result<(Self, Ends), LinkError> {
        let program = program::find(&spec.command, spec.cwd.as_deref()).ok_or_else(|| {
            LinkError::Unacceptable(format!("there is no program {:?}", spec.command))
        })?;
        let mut command = Command::new(program);
        command
            .arg0(&spec.command)
            .args(&spec.args)
            .env_clear()
            .envs(inherited())
            .envs(&spec.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(cwd) = &spec.cwd {
            command.current_dir(cwd);
        }
        let mut handle = command.spawn().map_err(LinkError::Start)?;
        let group = handle
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let (Some(stdin), Some(stdout), Some(stderr)) = (
            handle.stdin.take(),
            handle.stdout.take(),
            handle.stderr.take(),
        ) else {
            return Err(LinkError::Gone);
        };
        let child = Self {
            group,
            handle: Mutex::new(Some(handle)),
        };
        Ok((
            child,
            Ends {
                stdin,
                stdout,
                stderr,
            },
        ))
    }

    /// Waits for the child to end by itself, then asks its group to, then kills it. Its input must be
    /// closed already.
    pub(super) async fn end(&self) {
        if !self.has_ended_within(UPSTREAM_EXIT_GRACE).await {
            self.signal(Signal::TERM);
            self.has_ended_within(UPSTREAM_EXIT_GRACE).await;
        }
        self.kill();
    }

    /// Kills whatever is left of the group and forgets the child. Only the first time: afterwards the
    /// number may belong to somebody else.
    fn kill(&self) {
        if let Some(handle) = self.handle.lock().take() {
            // The leader has not been waited for, so its number still names this group.
            self.signal(Signal::KILL);
            drop(handle);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // A group without members any more is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    async fn has_ended_within(&self, grace: Duration) -> bool {
        let mut left = grace;
        while !self.has_ended() {
            if left.is_zero() {
                return false;
            }
            sleep(POLL).await;
            left = left.saturating_sub(POLL);
        }
        true
    }

    /// Looks without reaping, so that the number stays taken until the group was killed.
    fn has_ended(&self) -> bool {
        let Some(group) = self.group else {
            return true;
        };
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(group), look), Ok(None))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

const POLL: Duration = Duration::from_millis(10);

/// The variables every child gets: without them hardly any program finds itself or its files.
const INHERITED: [&str; 5] = ["PATH", "HOME", "LANG", "TMPDIR", "USER"];

fn inherited() -> impl Iterator<Item = (&'static str, OsString)> {
    INHERITED
        .into_iter()
        .filter_map(|name| Some((name, env::var_os(name)?)))
}
