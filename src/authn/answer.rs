//! The body of an answer, as far as it may be read.

use futures_util::StreamExt;
use reqwest::Response;

/// Why a body was not read.
pub(super) enum BodyFault {
    /// It broke off.
    Broken(reqwest::Error),
    /// It is larger than that.
    TooLarge,
}

/// The whole body, if it has `most` bytes at most.
pub(super) async fn body(answer: Response, most: usize) -> Result<Vec<u8>, BodyFault> {
    let mut text = Vec::new();
    let mut pieces = answer.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(BodyFault::Broken)?;
        if text.len().saturating_add(piece.len()) > most {
            return Err(BodyFault::TooLarge);
        }
        text.extend_from_slice(&piece);
    }
    Ok(text)
}
