//! `countersign approvals watch`: what waits, as it is opened, voted on, decided or ends, until interrupted.

mod follow;
mod view;

use std::time::Duration;

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use self::follow::{Follow, News};
use self::view::Sight;
use crate::ambient::Ambient;
use crate::cli::failure::Failure;
use crate::cli::operator::{OperatorArgs, field};
use crate::cli::print;
use crate::cli::screen::Screen;
use crate::model::text::escape;

/// Draws what waits on a terminal, and prints each change elsewhere.
pub(super) async fn run(listener: OperatorArgs, as_json: bool) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut follow = Follow::new(listener);
    // What is refused at once is said on the terminal as it is.
    let mut sight = Sight::default();
    let first = tokio::select! {
        first = follow.next() => first?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    let ambient = Ambient::system();
    let mut told = sight.take(first, &ambient);
    let screen = match as_json {
        true => None,
        false => Screen::take()?,
    };
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        match &screen {
            Some(screen) => screen.draw(&sight.lines(&ambient))?,
            None => told.iter().try_for_each(|one| say(one, as_json))?,
        }
        let news = {
            let mut next = std::pin::pin!(follow.next());
            loop {
                tokio::select! {
                    news = &mut next => break news?,
                    _ = interrupt.recv() => return Ok(()),
                    _ = terminate.recv() => return Ok(()),
                    _ = second.tick() => {
                        if let Some(screen) = &screen {
                            screen.draw(&sight.lines(&ambient))?;
                        }
                    }
                }
            }
        };
        if screen.is_none() {
            tell(&sight, &news);
        }
        told = sight.take(news, &ambient);
    }
}

/// Says that the listener is lost, or there again, where that is news.
fn tell(sight: &Sight, news: &News) {
    match (sight.is_stale(), news) {
        (false, News::Lost(why)) => print::tell(format!("stale: {why}; trying again")),
        (true, News::Same | News::All(_)) => print::tell("live"),
        _ => {}
    }
}

fn say(approval: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(print::json(approval)?);
    }
    let state = match field(approval, "progress") {
        "" => field(approval, "state").to_owned(),
        progress => format!("{} ({progress})", field(approval, "state")),
    };
    Ok(print::say(format!(
        "{}  {}  code {}  {}",
        escape(field(approval, "id")),
        escape(&state),
        escape(field(approval, "code")),
        escape(field(approval, "sentence")),
    ))?)
}
