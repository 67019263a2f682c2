//! Lines that arrive, read in a task of their own so that waiting for them can be given up.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::mpsc;

/// Reads lines of bounded length until the end of the stream; the end closes the channel.
///
/// A line that is longer ends the stream: what follows it could not be told from its rest.
pub(super) fn lines(
    reader: impl AsyncRead + Unpin + Send + 'static,
    most_bytes: usize,
) -> mpsc::Receiver<Vec<u8>> {
    let (tell, told) = mpsc::channel(LINES_WAITING_COUNT);
    tokio::spawn(async move {
        let mut reader = BufReader::new(reader);
        loop {
            let mut line = Vec::new();
            let read = (&mut reader)
                .take(most_bytes as u64)
                .read_until(b'\n', &mut line)
                .await;
            let is_whole = line.last() == Some(&b'\n');
            match read {
                Ok(_) if is_whole => {}
                Ok(0) | Err(_) => return,
                Ok(_) if line.len() >= most_bytes => {
                    tracing::error!("a line is longer than {most_bytes} bytes");
                    return;
                }
                // The last line of a stream may lack its end.
                Ok(_) => line.push(b'\n'),
            }
            if tell.send(line).await.is_err() {
                return;
            }
        }
    });
    told
}

const LINES_WAITING_COUNT: usize = 64;
