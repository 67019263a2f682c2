//! An agent over two pipes: one message a line, one principal, one server.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::guard::Refusal;
use crate::limits::{
    AGENT_MESSAGE_BYTES, REPLIES_WAITING_COUNT, SHUTDOWN_GRACE, UNASKED_WAITING_COUNT,
};
use crate::mcp::Edge;
use crate::mcp::answers::{Answers, Replies, Reply};
use crate::mcp::dialect::Era;
use crate::mcp::jsonrpc::{self, INVALID_REQUEST, Id, Message, Request, Response, RpcError};
use crate::mcp::peer::Peer;
use crate::mcp::render;
use crate::mcp::turn::Carried;
use crate::model::call::Principal;
use crate::model::name::ServerName;
use crate::model::reason::Reason;

/// Serves one agent until its pipe ends or the guard stops; then what it still wanted is withdrawn.
///
/// # Errors
/// When a pipe breaks.
pub async fn serve(
    edge: &Arc<Edge>,
    principal: Principal,
    server: ServerName,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> io::Result<()> {
    let (lines, queue) = mpsc::channel(REPLIES_WAITING_COUNT);
    let writing = tokio::spawn(write(output, queue));
    let mut pipe = Pipe {
        edge: Arc::clone(edge),
        principal,
        server,
        lines,
        peers: HashMap::new(),
        gone: CancellationToken::new(),
    };
    let read = pipe.read(input).await;
    if edge.guard.stopping().is_cancelled() {
        // The guard answers what it holds, and whatever else is in flight gets a moment to end.
        let landed = join_all(pipe.peers.values().map(Peer::landed));
        let _ = timeout(SHUTDOWN_GRACE, landed).await;
    }
    pipe.gone.cancel();
    for peer in pipe.peers.values() {
        peer.close().await;
    }
    // The writer ends with the last answer on its way.
    drop(pipe);
    let written = writing.await.unwrap_or(Ok(()));
    read.and(written)
}

/// One agent's pipe.
struct Pipe {
    edge: Arc<Edge>,
    principal: Principal,
    server: ServerName,
    lines: mpsc::Sender<Vec<u8>>,
    // A client that finds its era by trying may begin with one and go on with the other.
    peers: HashMap<Era, Peer>,
    gone: CancellationToken,
}

impl Pipe {
    async fn read(&mut self, input: impl AsyncRead + Unpin) -> io::Result<()> {
        let stopping = self.edge.guard.stopping();
        let mut input = BufReader::new(input);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = tokio::select! {
                read = read_line(&mut input, &mut line) => read?,
                () = stopping.cancelled() => return Ok(()),
            };
            match read {
                Line::End => return Ok(()),
                Line::Whole if line.iter().all(u8::is_ascii_whitespace) => {}
                Line::Whole => self.take(&line).await,
                Line::TooLong => {
                    let text = format!("the message is larger than {AGENT_MESSAGE_BYTES} bytes");
                    self.malformed(text.clone()).await;
                    self.answer(None, RpcError::new(INVALID_REQUEST, text))
                        .await;
                }
            }
        }
    }

    async fn take(&mut self, line: &[u8]) {
        match jsonrpc::parse_from_agent(line) {
            Ok(Message::Request(request)) => self.request(request).await,
            Ok(Message::Notification(notification)) => {
                // Notifications say nothing of their era; only the older one has any of its own.
                let era = match self.peers.contains_key(&Era::Legacy) {
                    true => Era::Legacy,
                    false => Era::Modern,
                };
                if let Some(peer) = self.peers.get(&era) {
                    peer.tell(notification).await;
                }
            }
            Ok(Message::Response(response)) => {
                if let Some(peer) = self.peers.get(&Era::Legacy) {
                    let peer = peer.clone();
                    // To decide an answer may take a moment, in which the agent may say more.
                    self.edge
                        .guard
                        .spawn(async move { peer.respond(response).await });
                }
            }
            Err(fault) => {
                self.malformed(fault.message.clone()).await;
                self.answer(fault.id, RpcError::new(fault.code, fault.message))
                    .await;
            }
        }
    }

    async fn request(&mut self, request: Request) {
        let declared = Era::declared(&request.method, &request.params);
        let begun = self.peers.contains_key(&Era::Legacy).then_some(Era::Legacy);
        let Some(era) = declared.or(begun) else {
            let text = "begin with initialize, or say which version is spoken";
            return self
                .answer(Some(request.id), RpcError::new(INVALID_REQUEST, text))
                .await;
        };
        let peer = match self.peer(era).await {
            Ok(peer) => peer,
            Err(text) => return self.answer(Some(request.id), render::upstream(&text)).await,
        };
        let (answers, replies) = Answers::channel(request.id.clone());
        let guard = &self.edge.guard;
        guard.spawn(async move { peer.answer(request, Carried::default(), &answers).await });
        tokio::spawn(carry(replies, self.lines.clone(), self.gone.clone()));
    }

    async fn peer(&mut self, era: Era) -> Result<Peer, String> {
        if let Some(peer) = self.peers.get(&era).filter(|peer| peer.is_open()) {
            return Ok(peer.clone());
        }
        let (outbox, mut unasked) = mpsc::channel(UNASKED_WAITING_COUNT);
        let server = Some(&self.server);
        let peer = Peer::open(&self.edge, self.principal.clone(), server, era, outbox)
            .await
            .map_err(|fault| fault.to_string())?;
        let lines = self.lines.clone();
        let gone = self.gone.clone();
        tokio::spawn(async move {
            let carry = async {
                while let Some(message) = unasked.recv().await {
                    if lines.send(jsonrpc::render(&message)).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = carry => {}
                () = gone.cancelled() => {}
            }
        });
        // What the client tried before it found its era is over.
        if let Some(before) = self.peers.insert(era, peer.clone()) {
            before.close().await;
        }
        Ok(peer)
    }

    async fn answer(&self, id: Option<Id>, error: RpcError) {
        let response = Response {
            id,
            result: Err(error),
        };
        let _ = self
            .lines
            .send(jsonrpc::render(&Message::Response(response)))
            .await;
    }

    async fn malformed(&self, sentence: String) {
        let agent = Some(self.principal.agent.clone());
        let refusal = Refusal {
            reason: Reason::Malformed,
            agent,
            edge: "mcp-stdio",
            sentence,
        };
        self.edge.guard.refuse(refusal).await;
    }
}

/// Carries the replies of one request. When the agent is gone they have nowhere to go, and the request
/// is told so.
async fn carry(mut replies: Replies, lines: mpsc::Sender<Vec<u8>>, gone: CancellationToken) {
    loop {
        let reply = tokio::select! {
            // What is already there still goes out.
            biased;
            reply = replies.queue.recv() => reply,
            () = gone.cancelled() => return,
        };
        let message = match reply {
            None => return,
            // A pipe is alive as long as it is open.
            Some(Reply::Alive | Reply::Suspended) => continue,
            Some(Reply::Message(message)) => message,
            Some(Reply::Answer { response, .. }) => Message::Response(response),
        };
        if lines.send(jsonrpc::render(&message)).await.is_err() {
            return;
        }
    }
}

async fn write(
    mut output: impl AsyncWrite + Unpin,
    mut lines: mpsc::Receiver<Vec<u8>>,
) -> io::Result<()> {
    while let Some(mut line) = lines.recv().await {
        line.push(b'\n');
        output.write_all(&line).await?;
        output.flush().await?;
    }
    Ok(())
}

enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads one line. Of a line that is too long nothing is kept, and its end is found. Cancelling loses
/// the line.
async fn read_line(
    input: &mut (impl AsyncBufReadExt + Unpin),
    line: &mut Vec<u8>,
) -> io::Result<Line> {
    let mut is_long = false;
    loop {
        let bytes = input.fill_buf().await?;
        if bytes.is_empty() {
            return Ok(match (line.is_empty(), is_long) {
                (true, false) => Line::End,
                (false, false) => Line::Whole,
                (_, true) => Line::TooLong,
            });
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
        is_long |= line.len() + part.len() > AGENT_MESSAGE_BYTES;
        if is_long {
            line.clear();
        } else {
            line.extend_from_slice(part);
        }
        let used = end.map_or(bytes.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(if is_long { Line::TooLong } else { Line::Whole });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_is_read_whole_or_not_at_all() {
        let long = vec![b'x'; AGENT_MESSAGE_BYTES + 1];
        let bytes = [b"one\n".as_slice(), &long, b"\ntwo\nthree"].concat();
        let mut input = BufReader::new(bytes.as_slice());
        let mut line = Vec::new();
        assert!(matches!(
            read_line(&mut input, &mut line).await.unwrap(),
            Line::Whole
        ));
        assert_eq!(line, b"one");
        line.clear();
        assert!(matches!(
            read_line(&mut input, &mut line).await.unwrap(),
            Line::TooLong
        ));
        assert!(line.is_empty());
        assert!(matches!(
            read_line(&mut input, &mut line).await.unwrap(),
            Line::Whole
        ));
        assert_eq!(line, b"two");
        line.clear();
        assert!(matches!(
            read_line(&mut input, &mut line).await.unwrap(),
            Line::Whole
        ));
        assert_eq!(line, b"three");
        line.clear();
        assert!(matches!(
            read_line(&mut input, &mut line).await.unwrap(),
            Line::End
        ));
    }
}
