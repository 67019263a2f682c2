//! Messages of agents over streamable HTTP, and what each is answered with.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header as http_header};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::door::{Door, Named};
use super::session::Session;
use super::{accept, admission, metadata, repeat, stream};
use crate::authn;
use crate::guard::{Denial, Refusal};
use crate::limits::HOLD_HEARTBEAT;
use crate::mcp::answers::{Answers, Replies, Reply};
use crate::mcp::dialect::code::HEADER_MISMATCH;
use crate::mcp::dialect::{Era, header};
use crate::mcp::jsonrpc::{self, INVALID_REQUEST, Id, Message, Request, RpcError};
use crate::mcp::peer::Peer;
use crate::mcp::turn::Carried;
use crate::mcp::{modern, render};
use crate::model::call::Principal;
use crate::model::id::SessionId;
use crate::model::name::ServerName;
use crate::model::reason::Reason;

/// A message to all servers joined.
pub(super) async fn joined(
    State(door): State<Arc<Door>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    respond(&door, None, headers, body).await
}

/// A message to one server.
pub(super) async fn single(
    State(door): State<Arc<Door>>,
    Path(server): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match known(&door, &server) {
        Some(server) => respond(&door, Some(server), headers, body).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(super) fn known(door: &Door, server: &str) -> Option<ServerName> {
    let server = ServerName::parse(server).ok()?;
    door.edge.upstreams.contains_key(&server).then_some(server)
}

/// Lets a request in, or says why not.
pub(super) async fn admit(
    door: &Door,
    server: Option<&ServerName>,
    headers: &HeaderMap,
) -> Result<Principal, Response> {
    if !door.hosts.admit(headers) {
        let refusal = Refusal {
            reason: Reason::Malformed,
            agent: None,
            edge: "mcp-http",
            sentence: "the request is for another host, or comes from a foreign page".to_owned(),
        };
        door.edge.guard.refuse(refusal).await;
        return Err(StatusCode::FORBIDDEN.into_response());
    }
    authn::agent(&door.edge.guard, &door.issuers, headers)
        .await
        .map_err(|denial| {
            unproved(
                &denial,
                &metadata::challenge(door, server, headers, &denial),
            )
        })
}

fn unproved(denial: &Denial, challenge: &HeaderValue) -> Response {
    let status = admission::status(denial.reason());
    let error = render::refused(denial.reason(), denial.reason().row().remedy);
    let mut response = stream::json(status, &answer(None, Err(error)));
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(http_header::WWW_AUTHENTICATE, challenge.clone());
    }
    response
}

async fn respond(
    door: &Arc<Door>,
    server: Option<ServerName>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let principal = match admit(door, server.as_ref(), &headers).await {
        Ok(principal) => principal,
        Err(response) => return response,
    };
    let bytes = match accept::read(&headers, body).await {
        Ok(bytes) => bytes,
        Err(status) => {
            malformed(door, &principal, format!("HTTP status {status}")).await;
            return status.into_response();
        }
    };
    let message = match jsonrpc::parse_from_agent(&bytes) {
        Ok(message) => message,
        Err(fault) => {
            malformed(door, &principal, fault.message.clone()).await;
            let error = RpcError::new(fault.code, fault.message);
            return stream::json(StatusCode::BAD_REQUEST, &answer(fault.id, Err(error)));
        }
    };
    let named = door.session(&headers, &principal, server.as_ref());
    match message {
        Message::Request(request) => {
            let declared = Era::declared(&request.method, &request.params);
            match (declared, named) {
                (Some(Era::Modern), _) => {
                    stand_alone(door, principal, server, &headers, request).await
                }
                (Some(Era::Legacy), Named::Nothing) => {
                    initialize(door, principal, server, request).await
                }
                (_, Named::Known(session)) => {
                    if let Some(response) = refuse_version(&headers, &request.id) {
                        return response;
                    }
                    exchange(door, session, &headers, request).await
                }
                (_, Named::Unknown) => forgotten(Some(request.id)),
                (None, Named::Nothing) => match says_modern(&headers) {
                    true => stand_alone(door, principal, server, &headers, request).await,
                    false => {
                        let text = "begin with initialize, or say which version is spoken";
                        let error = RpcError::new(INVALID_REQUEST, text);
                        let message = answer(Some(request.id), Err(error));
                        stream::json(StatusCode::BAD_REQUEST, &message)
                    }
                },
            }
        }
        Message::Notification(notification) => match named {
            Named::Known(session) => {
                session.peer.tell(notification).await;
                StatusCode::ACCEPTED.into_response()
            }
            Named::Unknown => forgotten(None),
            // A modern agent has nothing to tell outside of its requests.
            Named::Nothing => StatusCode::ACCEPTED.into_response(),
        },
        Message::Response(response) => match named {
            Named::Known(session) => {
                session.peer.respond(response).await;
                StatusCode::ACCEPTED.into_response()
            }
            Named::Unknown => forgotten(None),
            Named::Nothing => {
                malformed(door, &principal, "an answer to no question".to_owned()).await;
                StatusCode::BAD_REQUEST.into_response()
            }
        },
    }
}

/// A request that stands alone.
async fn stand_alone(
    door: &Arc<Door>,
    principal: Principal,
    server: Option<ServerName>,
    headers: &HeaderMap,
    request: Request,
) -> Response {
    let fault = modern::version(&request.params).err().or_else(|| {
        let fault = repeat::verify(headers, &request.method, &request.params).err();
        fault.map(|text| RpcError::new(HEADER_MISMATCH, text))
    });
    if let Some(error) = fault {
        malformed(door, &principal, error.message.clone()).await;
        return stream::json(
            StatusCode::BAD_REQUEST,
            &answer(Some(request.id), Err(error)),
        );
    }
    let peer = match door.shared(&principal, server.as_ref()).await {
        Ok(peer) => peer,
        Err(fault) => {
            let error = render::upstream(&fault.to_string());
            return stream::json(StatusCode::OK, &answer(Some(request.id), Err(error)));
        }
    };
    let mut replies = begin(door, peer, carried(door, headers, true), request);
    match first(&mut replies, accept::prefers_stream(headers)).await {
        First::Answer(response) => response,
        First::Stream(first) => stream::modern(first, replies),
        First::Withdrawn => StatusCode::NO_CONTENT.into_response(),
    }
}

/// The request that begins a session.
async fn initialize(
    door: &Arc<Door>,
    principal: Principal,
    server: Option<ServerName>,
    request: Request,
) -> Response {
    let id = request.id.clone();
    let (peer, unasked) = match door.connect(&principal, server.as_ref()).await {
        Ok(connected) => connected,
        Err(fault) => {
            let error = render::upstream(&fault.to_string());
            return stream::json(StatusCode::OK, &answer(Some(id), Err(error)));
        }
    };
    let mut replies = begin(door, peer.clone(), Carried::default(), request);
    while let Some(reply) = replies.queue.recv().await {
        let Reply::Answer { status, response } = reply else {
            // Nothing an upstream says before it is begun with has a place yet.
            continue;
        };
        let version = response
            .result
            .as_ref()
            .ok()
            .and_then(|result| result.get("protocolVersion"))
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned);
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let mut http = stream::json(status.unwrap_or_default(), &Message::Response(response));
        match version {
            Some(version) => {
                let session = door.begin(principal, server, peer, unasked, version);
                if let Ok(id) = HeaderValue::from_str(&session.id) {
                    http.headers_mut().insert(header::SESSION_ID, id);
                }
            }
            None => peer.close().await,
        }
        return http;
    }
    peer.close().await;
    let error = render::upstream("the upstream gave no answer");
    stream::json(StatusCode::OK, &answer(Some(id), Err(error)))
}

/// A request within a session.
async fn exchange(
    door: &Arc<Door>,
    session: Arc<Session>,
    headers: &HeaderMap,
    request: Request,
) -> Response {
    let mut replies = begin(
        door,
        session.peer.clone(),
        carried(door, headers, false),
        request,
    );
    match first(&mut replies, accept::prefers_stream(headers)).await {
        First::Answer(response) => response,
        First::Stream(first) => {
            let outlet = session.stream(first, replies);
            let reading = outlet.read(0);
            stream::legacy(session, reading, true)
        }
        First::Withdrawn => StatusCode::ACCEPTED.into_response(),
    }
}

/// Sets the request on its way; it goes on whether or not anybody stays to read the answer.
fn begin(door: &Door, peer: Peer, carried: Carried, request: Request) -> Replies {
    let (answers, replies) = Answers::channel(request.id.clone());
    door.edge
        .guard
        .spawn(async move { peer.answer(request, carried, &answers).await });
    replies
}

enum First {
    Answer(Response),
    Stream(Option<Reply>),
    Withdrawn,
}

/// An answer that comes at once is one message; everything else is a stream, begun before any client
/// gives up on a response without headers.
///
/// A client that `wants_stream` gets one for whatever is no error of HTTP's own.
async fn first(replies: &mut Replies, wants_stream: bool) -> First {
    match timeout(HOLD_HEARTBEAT, replies.queue.recv()).await {
        Ok(Some(
            reply @ Reply::Answer {
                status: None | Some(200),
                ..
            },
        )) if wants_stream => First::Stream(Some(reply)),
        Ok(Some(Reply::Answer { status, response })) => {
            let status = status.and_then(|status| StatusCode::from_u16(status).ok());
            let status = status.unwrap_or_default();
            let mut response = stream::json(status, &Message::Response(response));
            if status == StatusCode::UNAUTHORIZED {
                let challenge = HeaderValue::from_static(STEP_UP);
                response
                    .headers_mut()
                    .insert(http_header::WWW_AUTHENTICATE, challenge);
            }
            First::Answer(response)
        }
        Ok(Some(reply)) => First::Stream(Some(reply)),
        Ok(None) => First::Withdrawn,
        Err(_) => First::Stream(None),
    }
}

/// A version that the agent names in a header must be one of the older era, which its session is of.
fn refuse_version(headers: &HeaderMap, id: &Id) -> Option<Response> {
    let version = headers.get(header::PROTOCOL_VERSION)?;
    match version.to_str().ok().and_then(Era::of_version) {
        Some(Era::Legacy) => None,
        Some(Era::Modern) | None => {
            let error = RpcError::new(INVALID_REQUEST, "Unsupported MCP-Protocol-Version");
            let message = answer(Some(id.clone()), Err(error));
            Some(stream::json(StatusCode::BAD_REQUEST, &message))
        }
    }
}

/// Whether the headers alone say that a request is of the modern era.
fn says_modern(headers: &HeaderMap) -> bool {
    let version = headers
        .get(header::PROTOCOL_VERSION)
        .and_then(|value| value.to_str().ok());
    headers.contains_key(header::METHOD) || version.and_then(Era::of_version) == Some(Era::Modern)
}

fn carried(door: &Door, headers: &HeaderMap, stands_alone: bool) -> Carried {
    let named = |id: &HeaderValue| id.to_str().ok().and_then(SessionId::parse);
    Carried {
        // What cannot be a session's name is the name of one that nobody has.
        session: headers
            .get(SESSION)
            .map(|id| named(id).unwrap_or_else(|| SessionId::random(door.edge.guard.ambient()))),
        headers: stands_alone.then(|| headers.clone()),
        is_http: true,
    }
}

pub(super) fn forgotten(id: Option<Id>) -> Response {
    let error = RpcError::new(INVALID_REQUEST, "Session not found");
    stream::json(StatusCode::NOT_FOUND, &answer(id, Err(error)))
}

async fn malformed(door: &Door, principal: &Principal, sentence: String) {
    let agent = Some(principal.agent.clone());
    let refusal = Refusal {
        reason: Reason::Malformed,
        agent,
        edge: "mcp-http",
        sentence,
    };
    door.edge.guard.refuse(refusal).await;
}

pub(super) fn answer(id: Option<Id>, result: render::Answer) -> Message {
    Message::Response(jsonrpc::Response { id, result })
}

/// The session must prove more (RFC 9470).
const STEP_UP: &str = r#"Bearer error="insufficient_user_authentication""#;

/// Names a session of the guard's own.
const SESSION: &str = "countersign-session";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_needs_no_initialize_is_known_by_its_headers() {
        let mut headers = HeaderMap::new();
        assert!(!says_modern(&headers));
        headers.insert(header::PROTOCOL_VERSION, "2025-11-25".parse().unwrap());
        assert!(!says_modern(&headers));
        headers.insert(header::PROTOCOL_VERSION, "2026-07-28".parse().unwrap());
        assert!(says_modern(&headers));
    }
}
