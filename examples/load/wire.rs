//! The load: connections that ask the same again and again, with as little of their own as can be.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::figures::quantile;

/// One connection that is kept open.
pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
}

/// What came back.
pub(crate) struct Came {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The session that the server gave.
    pub(crate) session: Option<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) async fn connect(host: SocketAddr) -> Self {
        let stream = TcpStream::connect(host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
            host,
        }
    }

    /// The bytes of a request. `headers` are whole lines.
    pub(crate) fn request(&self, path: &str, headers: &[String], body: &str) -> Vec<u8> {
        let (host, length) = (self.host, body.len());
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\ncontent-length: {length}\r\n{lines}\r\n{body}"
        )
        .into_bytes()
    }

    /// The bytes of a request that only reads.
    pub(crate) fn reading(&self, path: &str, headers: &[String]) -> Vec<u8> {
        let host = self.host;
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n").into_bytes()
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Came {
        self.stream.write_all(request).await.unwrap();
        let (mut status, mut session, mut length) = (0, None, 0);
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).await.unwrap();
            let read = line.trim_end();
            if read.is_empty() {
                break;
            }
            if status == 0 {
                status = read[9..12].parse().unwrap();
            } else if let Some((name, value)) = read.split_once(':') {
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap();
                } else if name.eq_ignore_ascii_case("mcp-session-id") {
                    session = Some(value.trim().to_owned());
                }
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        Came {
            status,
            session,
            body,
        }
    }
}

/// What one round of load gave.
pub(crate) struct Round {
    /// Half of the answers came within this many microseconds.
    pub(crate) p50: f64,
    /// All but one of a hundred did.
    pub(crate) p99: f64,
    /// Answers a second.
    pub(crate) rate: f64,
}

impl Round {
    /// From how long each answer took, in microseconds, and how long it took to get all of them.
    pub(crate) fn of(mut all: Vec<f64>, span: Duration) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a count of answers")]
        let rate = all.len() as f64 / span.as_secs_f64();
        Self {
            p50: quantile(&mut all, 0.5),
            p99: quantile(&mut all, 0.99),
            rate,
        }
    }
}

/// Lets every connection repeat its request for so long; each answer must contain `word`.
pub(crate) async fn drive(
    lines: Vec<(Wire, Vec<u8>)>,
    span: Duration,
    word: &'static str,
) -> (Round, Vec<(Wire, Vec<u8>)>) {
    let begun = Instant::now();
    let tasks: Vec<_> = lines
        .into_iter()
        .map(|(mut wire, request)| {
            tokio::spawn(async move {
                let mut took = Vec::new();
                while begun.elapsed() < span {
                    let asked = Instant::now();
                    let came = wire.ask(&request).await;
                    took.push(asked.elapsed().as_secs_f64() * 1e6);
                    let body = String::from_utf8_lossy(&came.body);
                    assert!(came.status == 200 && body.contains(word), "{body}");
                }
                (took, (wire, request))
            })
        })
        .collect();
    let (mut all, mut lines) = (Vec::new(), Vec::new());
    for task in tasks {
        let (took, line) = task.await.unwrap();
        all.extend(took);
        lines.push(line);
    }
    (Round::of(all, begun.elapsed()), lines)
}
