//! The one table of reasons: every answer on every surface is a row of it.

/// What an agent should do with a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// The same call will be refused again.
    Never,
    /// The same call may pass later, unchanged.
    Later,
    /// The very same call, repeated, joins the one that waits.
    Same,
}

impl Retry {
    /// The word in problems, decisions and documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Later => "later",
            Self::Same => "same-call",
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// Stable code: in records, problem types, metrics and tests.
    pub code: &'static str,
    /// A sentence a person understands.
    pub sentence: &'static str,
    /// What would help.
    pub remedy: &'static str,
    /// HTTP status.
    pub status: u16,
    /// First words of the text over MCP.
    pub word: &'static str,
    /// Whether a retry helps.
    pub retry: Retry,
}

macro_rules! reasons {
    ($($variant:ident: $code:literal, $status:literal, $word:literal, $retry:ident, $sentence:literal, $remedy:literal;)*) => {
        /// Why a call was answered as it was.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Reason {
            $(#[doc = $sentence] $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The reason's row.
            #[must_use]
            pub const fn row(self) -> &'static Row {
                match self {
                    $(Self::$variant => &Row {
                        code: $code,
                        sentence: $sentence,
                        remedy: $remedy,
                        status: $status,
                        word: $word,
                        retry: Retry::$retry,
                    },)*
                }
            }
        }
    };
}

reasons! {
    InScope: "in-scope", 200, "PERMITTED", Never,
        "The call is inside the declared scope.", "None needed.";
    Granted: "granted", 200, "PERMITTED", Never,
        "A person approved exactly this call.", "None needed.";
    GrantedAlike: "granted-alike", 200, "PERMITTED", Never,
        "A person approved calls like this one.", "None needed.";

    Undeclared: "undeclared", 403, "DENIED by policy", Never,
        "No rule of the agent's scope names this target.", "Use a declared tool, or ask the owner of the scope to declare this one.";
    Beyond: "beyond-scope", 403, "DENIED by policy", Never,
        "The arguments are outside what the scope declares.", "Stay inside the declared arguments.";
    ToolUnaccepted: "tool-unaccepted", 403, "DENIED by policy", Never,
        "Nobody has accepted the definition that the server presents.", "An operator should look at it and accept it with `countersign pin accept`.";
    ToolChanged: "tool-changed", 403, "DENIED by policy", Never,
        "The definition is not the one that was accepted.", "An operator should look at it with `countersign pin diff`, then accept or refuse it.";
    ToolRefused: "tool-refused", 403, "DENIED by policy", Never,
        "An operator refused the definition that the server presents.", "Use another tool.";
    NeedsApproval: "needs-approval", 403, "APPROVAL PENDING", Same,
        "The scope asks a person to approve this call.", "Wait for the decision, then repeat exactly the same call.";
    Escalation: "escalation", 403, "APPROVAL PENDING", Same,
        "The call is above everything its session has done.", "Wait for the decision, then repeat exactly the same call.";
    FirstUse: "first-use", 403, "APPROVAL PENDING", Same,
        "The agent has never done this before.", "Wait for the decision, then repeat exactly the same call.";
    FirstSeen: "first-seen", 403, "APPROVAL PENDING", Same,
        "An argument holds a value that the agent has never used before.", "Wait for the decision, then repeat exactly the same call.";
    EarlierUnknown: "earlier-unknown", 403, "APPROVAL PENDING", Same,
        "Nobody knows what became of an earlier call of this tool.", "Wait for the decision, then repeat exactly the same call; an operator should look whether the earlier call took effect.";
    FollowUp: "follow-up", 403, "APPROVAL PENDING", Same,
        "An answer to a server's question may go on with a call above `read`.", "Wait for the decision, then repeat exactly the same answer.";
    Forbidden: "forbidden", 403, "DENIED by policy", Never,
        "The scope forbids this call.", "Choose another way; no approval can lift a forbid.";
    Unevaluable: "rule-unevaluable", 403, "DENIED by policy", Never,
        "A rule that applies could not be evaluated.", "The owner of the scope should run `countersign scopes explain` on this call.";
    ArgumentsInvalid: "arguments-invalid", 422, "DENIED by policy", Never,
        "The arguments do not satisfy the tool's own schema.", "Correct the arguments to the tool's input schema.";
    AfterUnmet: "after-unmet", 403, "DENIED by policy", Later,
        "The scope wants another tool to succeed in this session first.", "Call the tool that must come first, then repeat this call.";
    ExtrasDenied: "extras-denied", 403, "DENIED by policy", Never,
        "The request carries members the scope does not pass.", "Send only the members that the protocol and the tool declare.";
    NoScope: "no-scope", 403, "DENIED by policy", Never,
        "No scope is in force for this agent.", "Declare a manifest for the agent and accept it.";
    UnknownTarget: "unknown-target", 404, "DENIED by policy", Never,
        "The server presents no such target.", "List the targets again and choose one that exists.";
    MethodRefused: "method-refused", 403, "DENIED by policy", Never,
        "This method is not passed in this direction.", "Use a method that the scope allows.";
    LocalRefused: "local-refused", 403, "DENIED by policy", Never,
        "Nothing keeps the agent from the guard itself, and the scope does not accept that for this call.", "Run the guard as a user of its own, or let the owner of the scope write `accept_local: true`.";
    ModeRefused: "mode-refused", 403, "DENIED by policy", Never,
        "The tool is not declared for this mode.", "Call the tool through the proxy.";

    NoPep: "no-enforcement-point", 403, "DENIED by policy", Never,
        "No enforcement point that could redeem a permit stands before this server.", "An operator should add one with `countersign peps add`.";
    PermitInvalid: "permit-invalid", 403, "DENIED by policy", Never,
        "The permit is not this guard's, or is for another enforcement point, tool or arguments.", "Do not act; present the permit unchanged, with exactly the arguments it came with.";
    PermitExpired: "permit-expired", 410, "PERMIT EXPIRED", Later,
        "The permit was not redeemed in time.", "Do not act; the agent should ask again.";
    PermitUsed: "permit-used", 409, "PERMIT USED", Never,
        "The permit was redeemed already, or its call is over.", "Do not act; whoever redeemed it first runs the call.";

    RateLimited: "rate-limited", 429, "RATE LIMITED", Later,
        "The declared rate is used up.", "Repeat the call after the time given.";
    AboveBudget: "above-budget", 403, "DENIED by policy", Never,
        "The amount alone is more than the whole budget.", "Use a smaller amount; waiting does not help.";
    BudgetExhausted: "budget-exhausted", 429, "RATE LIMITED", Later,
        "The declared budget would be exceeded.", "Wait until the window has moved on, or use a smaller amount.";
    TooManyHolds: "too-many-holds", 429, "RATE LIMITED", Later,
        "Too many calls of this agent already wait for a person.", "Wait until the open requests are decided.";
    InboxFull: "inbox-full", 429, "RATE LIMITED", Later,
        "The people who would decide already have too many requests before them.", "Wait until some of them are decided.";
    RecordShareUsed: "record-share-used", 429, "RATE LIMITED", Later,
        "The agent has filled its share of the record, so none of its calls can be recorded.", "Repeat the call after the time given; an operator should look at what the agent does with `countersign audit tail`.";

    ApprovalDenied: "approval-denied", 403, "DENIED by approver", Never,
        "A person refused this call.", "Do not repeat or rephrase it; follow the approver's message.";
    ToolClosed: "tool-closed", 403, "DENIED by policy", Never,
        "Persons refused calls of this tool too often.", "Use another way; an operator can reopen the tool with `countersign agents reopen`.";
    ApprovalExpired: "approval-expired", 410, "APPROVAL EXPIRED", Later,
        "Nobody decided in time; nobody refused.", "Ask again when somebody can look at it.";
    ApprovalCancelled: "approval-cancelled", 410, "APPROVAL CANCELLED", Later,
        "The request for approval was withdrawn.", "Ask again if the call is still needed.";
    ApprovalInvalidated: "approval-invalidated", 410, "APPROVAL INVALIDATED", Later,
        "The scope, the tool or the clock changed after the request was made.", "Repeat the call; it will be judged anew.";
    ApprovalUnredeemed: "approval-unredeemed", 410, "APPROVAL LAPSED", Later,
        "The call was approved, but not collected in time.", "Repeat the call; a person will be asked again.";
    Superseded: "superseded", 409, "SUPERSEDED", Never,
        "An identical call used the approval.", "Look at that call's result; do not repeat it unless it is needed twice.";
    NoApprover: "no-approver", 403, "DENIED by policy", Never,
        "Nobody who may approve this call exists.", "An administrator should add an operator to one of the groups that may approve.";

    SessionPaused: "session-paused", 403, "SESSION PAUSED", Later,
        "The session waits for a person.", "Repeat the call after the time given.";
    AgentPaused: "agent-paused", 403, "SESSION PAUSED", Later,
        "An operator paused this agent.", "Wait until an operator resumes it.";
    SessionRevoked: "session-revoked", 403, "SESSION REVOKED", Never,
        "An operator ended this session.", "An operator must reinstate it, or the agent needs a new credential.";
    AgentRevoked: "agent-revoked", 403, "SESSION REVOKED", Never,
        "An operator revoked this agent.", "An operator must issue a new credential.";
    SessionUnknown: "session-unknown", 404, "DENIED by policy", Later,
        "No live session of this agent has that name.", "Open a session, or leave the session out.";
    SessionExpired: "session-expired", 403, "SESSION EXPIRED", Later,
        "The session reached its time limit.", "Repeat the call; a new session is opened.";
    StepUpNeeded: "step-up-needed", 401, "STEP-UP NEEDED", Later,
        "The session has not proved enough for this tool.", "Prove the session again at the level the tool asks for.";

    CredentialMissing: "credential-missing", 401, "DENIED by policy", Never,
        "The request carries no credential.", "Send the agent's key as a bearer token.";
    CredentialUnknown: "credential-unknown", 401, "DENIED by policy", Never,
        "The credential is not known.", "Use the key that `countersign agents add` printed.";
    CredentialExpired: "credential-expired", 401, "DENIED by policy", Never,
        "The credential has expired.", "Issue a new key.";
    CredentialRevoked: "credential-revoked", 401, "DENIED by policy", Never,
        "The credential was revoked.", "Issue a new key.";
    CredentialKind: "credential-kind", 401, "DENIED by policy", Never,
        "The scope does not accept this kind of credential.", "Use a kind that the manifest's `credentials` names.";
    TokenMalformed: "token-malformed", 401, "DENIED by policy", Never,
        "The token is no well-formed signed token.", "Send an access token of a configured issuer, unchanged.";
    TokenHeader: "token-header", 401, "DENIED by policy", Never,
        "The token's header is not one that is accepted.", "Use an access token whose header names type, algorithm and key, and brings no key of its own.";
    TokenIssuer: "token-issuer", 401, "DENIED by policy", Never,
        "The token is of no configured issuer.", "Use a token of an issuer that the guard's configuration names.";
    TokenKey: "token-key", 401, "DENIED by policy", Later,
        "The token's issuer has no key of the name it gives.", "Use a freshly issued token; after a change of keys, repeat the call in a minute.";
    TokenSignature: "token-signature", 401, "DENIED by policy", Never,
        "The token's signature does not verify.", "Send the token unchanged, as its issuer signed it.";
    TokenClaims: "token-claims", 401, "DENIED by policy", Never,
        "The token lacks a claim that must be there, or has one of another kind.", "Have the issuer put `iss`, `aud`, `sub`, `exp`, `nbf` and what the manifest names into the token.";
    TokenEarly: "token-early", 401, "DENIED by policy", Later,
        "The token is not valid yet.", "Wait until it is; an operator should compare the clocks of guard and issuer.";
    TokenBound: "token-bound", 401, "DENIED by policy", Never,
        "The token is bound to a key (`cnf`), and proofs of such keys are not verified yet.", "Use a token without `cnf`; one with it is never taken as a plain bearer token.";
    TokenAudience: "token-audience", 401, "DENIED by policy", Never,
        "The token is for another audience.", "Ask the issuer for a token for this guard, with the audience that the manifest names.";
    TokenUnmapped: "token-unmapped", 401, "DENIED by policy", Never,
        "No manifest says that this token speaks for its agent.", "The owner of the scope should compare `credentials: {jwt: …}` with the token's subject and claims.";
    TokenAmbiguous: "token-ambiguous", 401, "DENIED by policy", Never,
        "More than one manifest says that this token speaks for its agent.", "The owners of the scopes should narrow `credentials: {jwt: …}` until one manifest is left.";
    IssuerUnavailable: "issuer-unavailable", 503, "GUARD UNAVAILABLE", Later,
        "The keys of the token's issuer could not be read.", "Repeat the call later; an operator should look at the issuer's address.";

    Malformed: "request-malformed", 400, "DENIED by policy", Never,
        "The request is not well formed.", "Correct the request.";
    TooLarge: "request-too-large", 413, "DENIED by policy", Never,
        "The request is larger than the guard accepts.", "Send less at once.";
    IdempotencyConflict: "idempotency-conflict", 422, "DENIED by policy", Never,
        "The idempotency key was used for another call.", "Use a new key for a new call.";
    Stale: "stale-version", 412, "DENIED by policy", Later,
        "The request changed since it was shown.", "Look at it again, then decide.";
    AlreadyDecided: "already-decided", 409, "DENIED by policy", Never,
        "The request is already decided.", "None needed.";
    NotEligible: "not-eligible", 403, "DENIED by policy", Never,
        "This operator may not decide this request.", "Ask somebody of the groups that may.";
    RoleMissing: "role-missing", 403, "DENIED by policy", Never,
        "This operator's role, or the token they used, does not give this right.", "Ask somebody who has the role; an administrator gives roles and tokens with `countersign operators`.";
    UserUnverified: "user-unverified", 401, "STEP-UP NEEDED", Later,
        "This decision must be signed with a passkey.", "Decide it in the console with your passkey; `countersign operators link` gives a link to add one.";
    AuthenticatorNew: "authenticator-new", 403, "DENIED by policy", Later,
        "A new passkey decides nothing above `write` for a day.", "Wait for a day, or have another admin confirm it with `countersign operators confirm`.";
    PasskeyRefused: "passkey-refused", 403, "DENIED by policy", Later,
        "What the passkey answered is not acceptable.", "Begin again on the page where it was asked.";
    NotAmendable: "not-amendable", 422, "DENIED by policy", Never,
        "No small change of the manifest would have let this call pass.", "The owner of the scope should look at the rule; `countersign scopes explain` says what it makes of a call.";
    AccountRefused: "account-refused", 401, "DENIED by policy", Later,
        "The sign-in with an account at the identity provider is not accepted.", "Begin again at the sign-in; `countersign operators link` gives a link that binds an account.";
    RightsUnread: "rights-unread", 401, "STEP-UP NEEDED", Later,
        "The identity provider was last asked for the rights of this operator more than 15 minutes ago.", "Have them read again on the page `Me` of the console, then decide.";
    TokenUnconfirmed: "token-unconfirmed", 401, "STEP-UP NEEDED", Later,
        "The owner of this token has not confirmed within five minutes that it is them who uses it.", "Run `countersign approvals reauth` and confirm it in the console, then decide.";
    NotFound: "not-found", 404, "DENIED by policy", Never,
        "Nothing of that name is known here.", "Check the name.";

    StoreUnavailable: "store-unavailable", 503, "GUARD UNAVAILABLE", Later,
        "The record cannot be written, so nothing may run.", "Repeat the call later; an operator should look at the store.";
    Busy: "busy", 503, "GUARD UNAVAILABLE", Later,
        "The session moved too often while this call was judged.", "Repeat the call.";
    ShuttingDown: "shutting-down", 503, "GUARD UNAVAILABLE", Later,
        "The guard is stopping.", "Repeat the call when it is back.";
    UpstreamUnavailable: "upstream-unavailable", 502, "UPSTREAM FAILED", Later,
        "The tool's server did not take the call; nothing was executed.", "Repeat the call later.";
    UpstreamFailed: "upstream-failed", 502, "UPSTREAM FAILED", Never,
        "The tool's server gave no acceptable answer.", "Look whether the call took effect before repeating it.";
    OutcomeUnknown: "outcome-unknown", 502, "OUTCOME UNKNOWN", Never,
        "The call was sent, and its outcome was never learned.", "Look whether the call took effect before repeating it.";
}

impl Reason {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// The reason from its code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.code() == code)
    }

    /// The problem type of RFC 9457.
    #[must_use]
    pub fn problem_type(self) -> String {
        format!("https://countersign.dev/problems/{}", self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_its_own_and_reads_back() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.code()), Some(*reason));
        }
    }
}
