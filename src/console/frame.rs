//! What surrounds every page.

use maud::{DOCTYPE, Markup, html};

use super::viewer::Viewer;

/// One of the rooms a page stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Inbox,
    Agents,
    Grants,
    Decisions,
    Scopes,
    Tools,
    Channels,
    People,
    Me,
}

impl Room {
    const ALL: [Self; 8] = [
        Self::Inbox,
        Self::Agents,
        Self::Grants,
        Self::Decisions,
        Self::Scopes,
        Self::Tools,
        Self::Channels,
        Self::People,
    ];

    const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Inbox => ("Inbox", "/"),
            Self::Agents => ("Agents", "/agents"),
            Self::Grants => ("Grants", "/grants"),
            Self::Decisions => ("Decisions", "/decisions"),
            Self::Scopes => ("Scopes", "/scopes"),
            Self::Tools => ("Tools", "/tools"),
            Self::Channels => ("Channels", "/channels"),
            Self::People => ("People", "/people"),
            Self::Me => ("Me", "/me"),
        }
    }
}

/// A page of a signed-in person. `since` is the place in the feed at which it was made.
pub(super) fn page(room: Room, title: &str, viewer: &Viewer, since: &str, body: Markup) -> Markup {
    whole(
        title,
        html! {
            header .bar {
                a .brand href="/" { "countersign" }
                nav aria-label="Rooms" {
                    @for one in Room::ALL {
                        @let (name, path) = one.row();
                        a href=(path) aria-current=[(one == room).then_some("page")] { (name) }
                    }
                }
                p .live { span #live role="status" data-since=(since) { } " " span #since { } }
                form method="post" action="/sign-out" {
                    (seal(viewer))
                    a .meta href="/me" aria-current=[(room == Room::Me).then_some("page")] { (viewer.proven.operator.name) }
                    " "
                    button .quiet { "Sign out" }
                }
            }
            (body)
            dialog #help aria-labelledby="help-title" {
                h2 #help-title { "Keys" }
                dl .keys {
                    dt { kbd { "j" } " " kbd { "k" } } dd { "next, previous request" }
                    dt { kbd { "a" } } dd { "open the approval" }
                    dt { kbd { "d" } } dd { "open the denial" }
                    dt { kbd { "Ctrl" } " " kbd { "Enter" } } dd { "decide, in an open panel" }
                    dt { kbd { "/" } } dd { "search the list" }
                    dt { kbd { "?" } } dd { "this help" }
                }
                label { input #keys-off type="checkbox"; " Switch single keys off" }
                form method="dialog" { button { "Close" } }
            }
        },
    )
}

/// A page without rooms: before somebody has signed in, or where something went wrong.
pub(super) fn bare(title: &str, body: Markup) -> Markup {
    whole(
        title,
        html! {
            header .bar { a .brand href="/" { "countersign" } }
            (body)
        },
    )
}

/// The secret that every form of a visit carries.
pub(super) fn seal(viewer: &Viewer) -> Markup {
    html! { input type="hidden" name="seal" value=(viewer.seal); }
}

fn whole(title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · countersign" }
                link rel="stylesheet" href="/assets/console.css";
                link rel="icon" type="image/svg+xml" href="/assets/mark.svg";
                script type="module" src="/assets/live.js" { }
                script type="module" src="/assets/keys.js" { }
                script type="module" src="/assets/passkey.js" { }
            }
            body {
                a .skip href="#main" { "Skip to the content" }
                (body)
            }
        }
    }
}
