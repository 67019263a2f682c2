//! What all requests over HTTP share: who may come in, and which relations are open.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use axum::http::HeaderMap;
use data_encoding::HEXLOWER;
use futures_util::future::{join, join_all};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::admission::Hosts;
use super::session::{Beginning, Session};
use crate::authn::jwt::Issuers;
use crate::limits::{
    MCP_SESSION_IDLE, MCP_SESSIONS_PER_PRINCIPAL_COUNT, MCP_SWEEP_INTERVAL, SHUTDOWN_GRACE,
    UNASKED_WAITING_COUNT,
};
use crate::mcp::Edge;
use crate::mcp::dialect::{Era, header};
use crate::mcp::jsonrpc::Message;
use crate::mcp::peer::Peer;
use crate::mcp::upstream::LinkError;
use crate::model::call::Principal;
use crate::model::name::ServerName;

/// The door of one listener.
pub struct Door {
    /// What is behind it.
    pub edge: Arc<Edge>,
    /// Under which names it is reached.
    pub hosts: Hosts,
    /// Whose tokens prove an agent.
    pub issuers: Issuers,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    // Modern requests stand alone, so all of one principal share one relation with a server.
    shared: tokio::sync::Mutex<HashMap<(Principal, Option<ServerName>), Peer>>,
}

impl Door {
    /// A door in front of `edge`.
    #[must_use]
    pub fn new(edge: Arc<Edge>, hosts: Hosts, issuers: Issuers) -> Arc<Self> {
        let door = Arc::new(Self {
            edge,
            hosts,
            issuers,
            sessions: Mutex::default(),
            shared: tokio::sync::Mutex::default(),
        });
        let stopping = door.edge.guard.stopping();
        tokio::spawn(sweep(Arc::downgrade(&door), stopping));
        door
    }

    /// The session a request names, if it is this principal's and with this server.
    #[must_use]
    pub fn session(
        &self,
        headers: &HeaderMap,
        principal: &Principal,
        server: Option<&ServerName>,
    ) -> Named {
        let Some(id) = headers.get(header::SESSION_ID) else {
            return Named::Nothing;
        };
        let sessions = self.sessions.lock();
        let session = id.to_str().ok().and_then(|id| sessions.get(id));
        // Somebody else's session is unknown, not forbidden: its name must tell nothing.
        match session.filter(|one| one.principal == *principal && one.server.as_ref() == server) {
            Some(session) => {
                session.touch(self.edge.guard.ambient().monotonic());
                Named::Known(Arc::clone(session))
            }
            None => Named::Unknown,
        }
    }

    /// Connects a principal for a session to come.
    ///
    /// # Errors
    /// [`LinkError`] where the server cannot be started or reached.
    pub async fn connect(
        &self,
        principal: &Principal,
        server: Option<&ServerName>,
    ) -> Result<(Peer, mpsc::Receiver<Message>), LinkError> {
        let (outbox, unasked) = mpsc::channel(UNASKED_WAITING_COUNT);
        let peer = Peer::open(&self.edge, principal.clone(), server, Era::Legacy, outbox).await?;
        Ok((peer, unasked))
    }

    /// Begins a session with what was connected.
    pub fn begin(
        &self,
        principal: Principal,
        server: Option<ServerName>,
        peer: Peer,
        unasked: mpsc::Receiver<Message>,
        version: String,
    ) -> Arc<Session> {
        let ambient = self.edge.guard.ambient();
        let id = HEXLOWER.encode(&ambient.random::<16>());
        let session = Session::begin(Beginning {
            id: id.clone(),
            principal,
            server,
            peer,
            seal: Arc::clone(&self.edge.seal),
            version,
            unasked,
            now: ambient.monotonic(),
        });
        let crowded = self.make_room(&session.principal);
        self.sessions.lock().insert(id, Arc::clone(&session));
        if let Some(crowded) = crowded {
            tokio::spawn(async move { crowded.close().await });
        }
        session
    }

    /// Ends a session.
    pub async fn end(&self, session: &Session) {
        self.sessions.lock().remove(&session.id);
        session.close().await;
    }

    /// The relation that all modern requests of a principal to a server share.
    ///
    /// # Errors
    /// [`LinkError`] where the server cannot be started or reached.
    pub async fn shared(
        &self,
        principal: &Principal,
        server: Option<&ServerName>,
    ) -> Result<Peer, LinkError> {
        let mut shared = self.shared.lock().await;
        let key = (principal.clone(), server.cloned());
        if let Some(peer) = shared.get(&key).filter(|peer| peer.is_open()) {
            return Ok(peer.clone());
        }
        // What nobody asked for has no way to a modern agent, so its receiver is not kept.
        let (outbox, _) = mpsc::channel(1);
        let peer = Peer::open(&self.edge, principal.clone(), server, Era::Modern, outbox).await?;
        shared.insert(key, peer.clone());
        Ok(peer)
    }

    /// Takes out the session a principal used least lately, if it has too many.
    fn make_room(&self, principal: &Principal) -> Option<Arc<Session>> {
        let now = self.edge.guard.ambient().monotonic();
        let mut sessions = self.sessions.lock();
        let own = sessions
            .values()
            .filter(|session| session.principal == *principal);
        if own.clone().count() < MCP_SESSIONS_PER_PRINCIPAL_COUNT {
            return None;
        }
        let oldest = own.max_by_key(|session| session.idle(now))?.id.clone();
        sessions.remove(&oldest)
    }

    /// Ends everything, after what is in flight has its answer.
    async fn wind_up(&self) {
        let sessions: Vec<_> = self
            .sessions
            .lock()
            .drain()
            .map(|(_, session)| session)
            .collect();
        let shared: Vec<_> = self
            .shared
            .lock()
            .await
            .drain()
            .map(|(_, peer)| peer)
            .collect();
        let sessions = sessions.iter().map(|session| session.wind_up());
        let shared = shared.iter().map(|peer| async move {
            peer.landed().await;
            peer.close().await;
        });
        let all = join(join_all(sessions), join_all(shared));
        // Whatever the guard does not wait for any longer, nobody does.
        let _ = timeout(SHUTDOWN_GRACE, all).await;
    }

    fn take_idle(&self) -> Vec<Arc<Session>> {
        let now = self.edge.guard.ambient().monotonic();
        let mut sessions = self.sessions.lock();
        let idle: Vec<_> = sessions
            .values()
            .filter(|session| session.idle(now) >= MCP_SESSION_IDLE)
            .map(|session| session.id.clone())
            .collect();
        idle.iter().filter_map(|id| sessions.remove(id)).collect()
    }
}

/// What the session header of a request says.
pub enum Named {
    /// It is not there.
    Nothing,
    /// It names no session of this principal with this server.
    Unknown,
    /// It names this one.
    Known(Arc<Session>),
}

/// Ends sessions that nobody uses, as long as the door is there; all of them when the guard stops, so
/// that no stream keeps a listener open.
async fn sweep(door: Weak<Door>, stopping: CancellationToken) {
    loop {
        let stops = tokio::select! {
            () = tokio::time::sleep(MCP_SWEEP_INTERVAL) => false,
            () = stopping.cancelled() => true,
        };
        let Some(door) = door.upgrade() else {
            return;
        };
        if stops {
            return door.wind_up().await;
        }
        for session in door.take_idle() {
            session.close().await;
        }
    }
}
