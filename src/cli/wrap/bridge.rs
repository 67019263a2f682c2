//! Carries lines between an agent's pipes and the owner of the directory.

use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt, BufReader, Stdout};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::memory::Memory;
use super::pipes;
use crate::cli::failure::Failure;
use crate::limits::{AGENT_MESSAGE_BYTES, UPSTREAM_MESSAGE_BYTES};

/// The agent's side of the bridge, which outlives every owner.
pub(super) struct Bridge {
    from_agent: mpsc::Receiver<Vec<u8>>,
    to_agent: Stdout,
    memory: Memory,
    owners: usize,
}

/// Which side ended.
pub(super) enum End {
    /// The agent closed its pipe.
    AgentGone,
    /// The owner went away.
    OwnerGone,
}

impl Bridge {
    /// Begins to read the agent's pipe.
    pub(super) fn start() -> Self {
        Self {
            // One byte more than is accepted: the owner refuses what is too large, in its own words.
            from_agent: pipes::lines(tokio::io::stdin(), AGENT_MESSAGE_BYTES + 1),
            to_agent: tokio::io::stdout(),
            memory: Memory::default(),
            owners: 0,
        }
    }

    /// Carries lines until one side ends. With every owner but the first, the connection is resumed.
    ///
    /// # Errors
    /// When the agent cannot be written to any more.
    pub(super) async fn carry(&mut self, stream: BufReader<UnixStream>) -> Result<End, Failure> {
        // What arrived together with the greeting's answer stays in the buffered half.
        let (reader, mut to_owner) = tokio::io::split(stream);
        let mut from_owner = pipes::lines(reader, UPSTREAM_MESSAGE_BYTES);
        self.owners += 1;
        if self.owners > 1 && !self.resume(&mut to_owner).await? {
            return Ok(End::OwnerGone);
        }
        loop {
            // While hands are shaken again, the agent's next lines wait their turn.
            let shaking = self.memory.is_shaking_hands();
            tokio::select! {
                line = from_owner.recv() => match line {
                    Some(line) => {
                        if self.memory.answered(&line) {
                            self.tell(&line).await?;
                        } else if !send_all(&mut to_owner, &self.memory.after_handshake()).await {
                            return Ok(End::OwnerGone);
                        }
                    }
                    None => return Ok(End::OwnerGone),
                },
                line = self.from_agent.recv(), if !shaking => match line {
                    Some(line) => {
                        self.memory.asked(&line);
                        if !send_all(&mut to_owner, &[line]).await {
                            return Ok(End::OwnerGone);
                        }
                    }
                    None => {
                        self.drain(&mut to_owner, &mut from_owner).await?;
                        return Ok(End::AgentGone);
                    }
                },
            }
        }
    }

    async fn resume(&mut self, to_owner: &mut (impl AsyncWrite + Unpin)) -> Result<bool, Failure> {
        let resumption = self.memory.resume();
        for line in &resumption.to_agent {
            self.tell(line).await?;
        }
        let mut lines = resumption.to_owner;
        if !self.memory.is_shaking_hands() {
            lines.extend(self.memory.after_handshake());
        }
        Ok(send_all(to_owner, &lines).await)
    }

    /// The agent will ask no more; what it asked may still be answered.
    async fn drain(
        &mut self,
        to_owner: &mut (impl AsyncWrite + Unpin),
        from_owner: &mut mpsc::Receiver<Vec<u8>>,
    ) -> Result<(), Failure> {
        // An owner that is gone answers nothing, which the loop below finds out.
        let _ = to_owner.shutdown().await;
        let rest = async {
            while let Some(line) = from_owner.recv().await {
                self.tell(&line).await?;
            }
            Ok(())
        };
        tokio::time::timeout(DRAIN_LONGEST, rest)
            .await
            .unwrap_or(Ok(()))
    }

    async fn tell(&mut self, line: &[u8]) -> Result<(), Failure> {
        self.to_agent.write_all(line).await?;
        Ok(self.to_agent.flush().await?)
    }
}

async fn send_all(to: &mut (impl AsyncWrite + Unpin), lines: &[Vec<u8>]) -> bool {
    for line in lines {
        if to.write_all(line).await.is_err() {
            return false;
        }
    }
    to.flush().await.is_ok()
}

const DRAIN_LONGEST: Duration = Duration::from_secs(5);
