//! Every bound on what comes from outside, each with its unit last in its name.

use std::time::Duration;

/// Deepest nesting of a JSON document.
pub const JSON_DEPTH_LEVELS: usize = 64;
/// Longest key of a JSON object.
pub const JSON_KEY_LENGTH_BYTES: usize = 1_024;
/// Most members of one JSON object.
pub const JSON_MEMBERS_PER_OBJECT_COUNT: usize = 10_000;
/// Longest number token.
pub const DECIMAL_DIGITS_COUNT: usize = 1_000;
/// Largest exponent of a number, in either direction.
pub const DECIMAL_EXPONENT_ABS: i64 = 308;

/// Largest message from an agent.
pub const AGENT_MESSAGE_BYTES: usize = 4 * 1_024 * 1_024;
/// Largest single message from an upstream.
pub const UPSTREAM_MESSAGE_BYTES: usize = 64 * 1_024 * 1_024;
/// Largest listing of one upstream, all pages together.
pub const UPSTREAM_LISTING_BYTES: usize = 8 * 1_024 * 1_024;
/// Most pages of one listing.
pub const UPSTREAM_LISTING_PAGES: usize = 100;
/// Most tools of one upstream.
pub const UPSTREAM_TOOLS_COUNT: usize = 2_000;
/// Most refetches of one listing that may follow each other at once, where none came for long.
pub const UPSTREAM_REFETCH_BURST_COUNT: u32 = 6;
/// Time in which room for one more refetch of one listing comes back.
pub const UPSTREAM_REFETCH_INTERVAL: Duration = Duration::from_secs(10);
/// Time an upstream has to answer a tool call.
pub const UPSTREAM_CALL_TIMEOUT: Duration = Duration::from_secs(300);
/// Time an upstream has to answer the guard's own questions (initialise, list).
pub const UPSTREAM_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Time an upstream has to take a connection.
pub const UPSTREAM_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest life of one stream that an agent listens on.
pub const UPSTREAM_STREAM_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);
/// Time a child process has to end by itself once its input is closed, and again once it is told to.
pub const UPSTREAM_EXIT_GRACE: Duration = Duration::from_secs(2);
/// Most messages of one upstream request that may wait to be read.
pub const UPSTREAM_BACKLOG_COUNT: usize = 64;
/// Largest message of an upstream that is not an answer.
pub const UPSTREAM_NOTE_BYTES: usize = 4 * 1_024 * 1_024;
/// Most messages that may wait to be written to one upstream.
pub const UPSTREAM_QUEUE_COUNT: usize = 64;
/// Most links the guard keeps open on its own account.
pub const UPSTREAM_LINKS_COUNT: usize = 256;
/// How long such a link stays open unused; longer than a person may take to decide.
pub const UPSTREAM_IDLE_LONGEST: Duration = Duration::from_secs(3_600);
/// How often one broken stream is taken up again.
pub const UPSTREAM_RESUMES_COUNT: usize = 8;
/// Longest pause an upstream may ask for before a stream is taken up again.
pub const UPSTREAM_RETRY_LONGEST: Duration = Duration::from_secs(30);
/// Longest line of a child's standard error that is kept.
pub const UPSTREAM_STDERR_LINE_BYTES: usize = 4_096;
/// Longest event id, event name or session id of an upstream.
pub const UPSTREAM_TOKEN_BYTES: usize = 1_024;
/// Longest identifier of a message.
pub const RPC_ID_BYTES: usize = 256;
/// Longest name of a method.
pub const RPC_METHOD_BYTES: usize = 256;
/// Most requests of one agent connection in flight at once.
pub const REQUESTS_IN_FLIGHT_COUNT: usize = 256;

/// Largest definition that can be pinned, in canonical form.
pub const PIN_DEFINITION_BYTES: usize = 256 * 1_024;
/// Longest name of a prompt, or URI template, that can be pinned.
pub const PIN_NAME_BYTES: usize = 1_024;
/// Most definitions of one server that are kept; further ones stay unaccepted.
pub const PINS_PER_SERVER_COUNT: usize = 20_000;
/// Most bytes of definitions of one server that are kept.
pub const PINS_PER_SERVER_BYTES: usize = 64 * 1_024 * 1_024;
/// Most pairs of words that are compared where two definitions differ; longer ones are shown whole.
pub const DIFF_PAIRS_COUNT: usize = 4_000_000;
/// Largest lock file.
pub const LOCK_BYTES: usize = 16 * 1_024 * 1_024;

/// Largest schema of a manifest rule or a tool.
pub const SCHEMA_BYTES: usize = 64 * 1_024;
/// Deepest nesting of a schema.
pub const SCHEMA_DEPTH_LEVELS: usize = 32;
/// Most subschemas of one schema.
pub const SCHEMA_SUBSCHEMAS_COUNT: usize = 1_000;
/// Largest manifest file.
pub const MANIFEST_BYTES: usize = 1_024 * 1_024;
/// Deepest nesting of a manifest file, its schemas included.
pub const MANIFEST_DEPTH_LEVELS: usize = 80;
/// Longest time a manifest may name.
pub const MANIFEST_DURATION_LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);
/// Longest name or URI pattern of a manifest.
pub const PATTERN_LENGTH_BYTES: usize = 1_024;
/// Largest compiled form of one regular expression.
pub const PATTERN_COMPILED_BYTES: usize = 1_024 * 1_024;
/// Most times one value may be visited while a tool's schema judges it.
pub const SCHEMA_VISITS_COUNT: u64 = 20_000;
/// Most violations told of one judgement.
pub const VIOLATIONS_COUNT: usize = 16;
/// Most manifest files of one directory.
pub const MANIFEST_FILES_COUNT: usize = 10_000;
/// Changes of a manifest that are proposed at once.
pub const AMENDMENT_CHANGES_COUNT: usize = 16;
/// Lines that a patch takes away and adds.
pub const PATCH_EDITS_COUNT: usize = 400;
/// Recorded calls that a proposed change is tried on.
pub const REPLAYED_COUNT: usize = 200;

/// Most open approvals of one agent.
pub const OPEN_HOLDS_PER_AGENT_COUNT: usize = 5;
/// Window in which holds are counted.
pub const HOLDS_WINDOW: Duration = Duration::from_secs(600);
/// Most approvals one agent may open in a window.
pub const HOLDS_PER_WINDOW_COUNT: usize = 10;
/// How long a refusal by a person answers the same call.
pub const DENIAL_MEMORY: Duration = Duration::from_secs(30 * 60);
/// Most secrets of one call that are looked for in what is kept of foreign text.
pub const REDACTED_SECRETS_COUNT: usize = 16;
/// Most destinations, and most objects, of one call that are told apart; a call with more is as one of a
/// tool that declares none.
pub const AIMS_PER_CALL_COUNT: usize = 64;
/// Most destinations of one tool for which an agent's doubts are kept apart; beyond, they are of the tool.
pub const DOUBTS_PER_TARGET_COUNT: usize = 256;
/// Refusals of one tool by persons, within [`DENIALS_WINDOW`], that close it for the agent.
pub const DENIALS_CLOSE_COUNT: usize = 3;
/// Window in which refusals of one tool are counted.
pub const DENIALS_WINDOW: Duration = Duration::from_secs(3_600);
/// Most undeclared reaches of one agent that ask a person, within [`UNDECLARED_WINDOW`].
pub const UNDECLARED_ASKED_COUNT: usize = 2;
/// Window in which undeclared reaches are counted.
pub const UNDECLARED_WINDOW: Duration = Duration::from_secs(3_600);
/// Time for which refusals of requests that prove nobody are folded into one entry of the record.
pub const REFUSALS_FOLDED: Duration = Duration::from_secs(60);
/// Most sources of such refusals that are told apart within that time; those of others are counted only.
pub const REFUSAL_SOURCES_COUNT: usize = 256;
/// Open approvals in the inbox of one group from which on each agent has only its share of it: more than
/// people can look at before they expire.
pub const INBOX_OPEN_COUNT: usize = 50;
/// Bytes of the record that one agent may fill within [`RECORD_SHARE_WINDOW`]: some million calls, and no
/// disk.
pub const RECORD_SHARE_BYTES: u64 = 4 * 1_024 * 1_024 * 1_024;
/// Time within which a share of the record empties.
pub const RECORD_SHARE_WINDOW: Duration = Duration::from_secs(24 * 3_600);
/// How long an ended approval answers the same call with its end before a new one is opened.
pub const ENDED_MEMORY: Duration = Duration::from_secs(60);
/// Most approvals that one call can need, in all stages together, and most refusals in one.
pub const QUORUM_PEOPLE_COUNT: u32 = 20;
/// Longest time for which an operator's groups are lent to another.
pub const DELEGATION_LONGEST: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Most stages one after the other.
pub const QUORUM_STAGES_COUNT: usize = 8;
/// Most uses an approver may grant to one call.
pub const GRANT_USES_COUNT: u32 = 20;
/// Longest life of what break-glass leaves.
pub const GLASS_LIFE: Duration = Duration::from_secs(3_600);
/// Longest reason for breaking the glass, and longest note on a review of it.
pub const REVIEW_TEXT_BYTES: usize = 1_000;
/// How long a review may stay open before `countersign doctor` names it.
pub const REVIEW_LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// Longest life of a grant.
pub const GRANT_LIFE: Duration = Duration::from_secs(3_600);
/// Most uses of a grant for calls like the approved one.
pub const PATTERN_USES_COUNT: u32 = 50;
/// Most arguments that one grant pins one by one.
pub const PATTERN_PINS_COUNT: usize = 64;
/// How many of an agent's newest calls of a tool a pattern is held against before it is granted.
pub const PREVIEW_CALLS_COUNT: usize = 200;
/// Longest life of a permit between its minting and the write upstream.
pub const PERMIT_LIFE: Duration = Duration::from_secs(1);
/// Most live sessions of one principal.
pub const SESSIONS_PER_PRINCIPAL_COUNT: usize = 4;
/// How long a new session of a credential is opened after what its ended ones have heard.
pub const TAINT_MEMORY: Duration = Duration::from_secs(24 * 3_600);
/// How often a decision is tried again when the session moved under it.
pub const DECIDE_TRIES_COUNT: usize = 16;

/// Days over which an agent's calls are counted by day, for the evidence of a pause.
pub const HISTORY_WINDOW_DAYS: i64 = 30;
/// Most targets, each at each rung, that one past remembers; beyond, the longest unused is forgotten.
pub const HISTORY_REACHES_COUNT: usize = 10_000;
/// Most values that one past remembers; beyond, the longest unused is forgotten.
pub const HISTORY_VALUES_COUNT: usize = 10_000;
/// Most users for whom one agent has a past; what it does for others teaches nothing.
pub const HISTORY_USERS_PER_AGENT_COUNT: usize = 10_000;
/// Most targets, each at each rung, that one session remembers; what it does beyond satisfies nothing.
pub const HISTORY_REACHES_PER_SESSION_COUNT: usize = 4_096;

/// Longest time one request may wait for a decision.
pub const WAIT_LONGEST: Duration = Duration::from_secs(300);
/// Time between two signs of life on a held connection.
pub const HOLD_HEARTBEAT: Duration = Duration::from_secs(10);
/// Most connections of one listener at once; whoever comes then waits.
pub const CONNECTIONS_PER_LISTENER_COUNT: usize = 4_096;
/// Time a connection has to say what it wants, from its begin or from the end of its last answer.
pub const REQUEST_HEAD_LONGEST: Duration = Duration::from_secs(30);
/// Time the guard gives calls in flight when it is told to stop.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Longest idempotency key.
pub const IDEMPOTENCY_KEY_BYTES: usize = 255;
/// Most calls of one principal that the HTTP edge answers for at once.
pub const CALLS_KEPT_PER_PRINCIPAL_COUNT: usize = 16_384;
/// How long the HTTP edge answers for a call after it ended.
pub const CALL_KEPT: Duration = Duration::from_secs(600);
/// Largest answer that is kept for a repeat of its request.
pub const ANSWER_KEPT_BYTES: usize = 256 * 1_024;
/// All answers that are kept for repeats, together.
pub const ANSWERS_KEPT_BYTES: usize = 32 * 1_024 * 1_024;
/// Time an enforcement point has to report the outcome of a call after it redeemed its permit.
pub const OUTCOME_REPORT_LONGEST: Duration = Duration::from_secs(600);
/// When an agent that does not wait should look after its held call again.
pub const HOLD_POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Longest identifier a client gives its decision.
pub const DECISION_ID_BYTES: usize = 128;
/// Most entries of the record in one answer.
pub const ENTRIES_PER_PAGE_COUNT: usize = 1_000;
/// Largest file that holds one secret.
pub const SECRET_FILE_BYTES: u64 = 64 * 1_024;

/// Life of an agent's key when nothing else is said.
pub const AGENT_KEY_LIFE: Duration = Duration::from_secs(90 * 24 * 3_600);
/// Life of a link with which an operator adds a passkey.
pub const LINK_LIFE: Duration = Duration::from_secs(15 * 60);
/// How long a new passkey decides nothing above `write`, unless another admin confirms it.
pub const NEW_AUTHENTICATOR_WAIT: Duration = Duration::from_secs(24 * 3_600);
/// Most passkeys of one operator.
pub const PASSKEYS_PER_OPERATOR_COUNT: usize = 16;
/// Most tokens of one operator that are accepted at once.
pub const TOKENS_PER_OPERATOR_COUNT: usize = 32;
/// Longest name of a passkey that an authenticator gives.
pub const PASSKEY_ID_BYTES: usize = 1_023;
/// Longest name of a passkey that its owner gives.
pub const PASSKEY_LABEL_BYTES: usize = 64;
/// Largest client data of a browser.
pub const CLIENT_DATA_BYTES: usize = 4_096;
/// Largest data of an authenticator.
pub const AUTHENTICATOR_DATA_BYTES: usize = 8_192;
/// Longest signature of an authenticator.
pub const SIGNATURE_BYTES: usize = 1_024;
/// Deepest nesting of what an authenticator writes.
pub const CBOR_DEPTH_LEVELS: usize = 8;
/// Most items of what an authenticator writes.
pub const CBOR_ITEMS_COUNT: usize = 256;
/// Life of a challenge that a decision or a sign-in is signed with.
pub const CHALLENGE_LIFE: Duration = Duration::from_secs(60);
/// Life of a challenge that a new passkey is made with: people look for their keys.
pub const ENROLMENT_CHALLENGE_LIFE: Duration = Duration::from_secs(300);
/// Most open challenges of one purpose; beyond, the oldest is void.
pub const CHALLENGES_OPEN_COUNT: usize = 4_096;
/// Most open challenges of one operator; beyond, the oldest is void.
pub const CHALLENGES_PER_OPERATOR_COUNT: usize = 16;

/// How long a token for commands approves after its owner confirmed that it is them who uses it.
pub const TOKEN_CONFIRMED_LIFE: Duration = Duration::from_secs(300);
/// How long somebody is waited for who is asked to confirm their token.
pub const CONFIRMATION_WAIT: Duration = Duration::from_secs(300);
/// Largest file of passkeys that an auditor is given.
pub const WITNESSES_BYTES: usize = 16 * 1_024 * 1_024;

/// Life of an operator's token.
pub const OPERATOR_TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How long a visit of the console may lie unused.
pub const VISIT_IDLE: Duration = Duration::from_secs(15 * 60);
/// Longest visit of the console.
pub const VISIT_LIFE: Duration = Duration::from_secs(12 * 3_600);
/// Most browsers in which one operator may be signed in; beyond, the longest unused is signed out.
pub const VISITS_PER_OPERATOR_COUNT: usize = 8;
/// Largest form of the console.
pub const FORM_BYTES: usize = 64 * 1_024;
/// Time between two signs of life on an open page, and longest time it outlives its visit.
pub const FEED_HEARTBEAT: Duration = Duration::from_secs(10);
/// Changes by which an open page may be behind before it has to look anew.
pub const FEED_WAITING_COUNT: usize = 1_024;
/// Most earlier decisions that are shown beside a request.
pub const PRECEDENTS_COUNT: usize = 5;
/// How many of the newest requests are searched for them.
pub const PRECEDENTS_SEARCHED_COUNT: usize = 1_000;
/// Most changed values that are told one by one beside a request.
pub const PRECEDENTS_CHANGES_COUNT: usize = 12;
/// How many of the newest entries of the record a page searches.
pub const RECORD_SEARCHED_COUNT: u64 = 10_000;

/// Most decisions that share one commit.
pub const COMMIT_BATCH_COUNT: usize = 512;
/// Most decisions that may wait for the writer.
pub const COMMIT_QUEUE_COUNT: usize = 65_536;
/// Places of that queue that are kept for what agents do not write: revocations, denials, outcomes.
pub const COMMIT_QUEUE_KEPT_COUNT: usize = 4_096;
/// Length of the record's log from which on it is copied into the file: 16 MiB, still a quick start.
pub const RECORD_LOG_COPIED_PAGES: u64 = 4_096;
/// Length of that log from which on whoever writes waits for the copy: 64 MiB. Only a reader who stays makes
/// it longer.
pub const RECORD_LOG_MOST_PAGES: u64 = 16_384;
/// Longest time between two copies of the signed head at the anchor.
pub const ANCHOR_INTERVAL: Duration = Duration::from_secs(60);
/// How often one delivery to a receiver is tried.
pub const WEBHOOK_TRIES_COUNT: usize = 4;
/// Time a receiver has to answer one delivery.
pub const WEBHOOK_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before the second try of a delivery; each further one is twice as long, and all a little longer.
pub const WEBHOOK_RETRY_FIRST: Duration = Duration::from_millis(500);
/// Shortest and longest secret of a receiver.
pub const WEBHOOK_SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Longest free text an agent, an operator or an upstream may put into the record.
pub const TEXT_BYTES: usize = 4_096;
/// Limiter cells above which those whose time has passed are dropped.
pub const RATE_CELLS_COUNT: usize = 100_000;
/// Pieces of news of one session that are known when they come again.
pub const ASSURANCE_NEWS_COUNT: usize = 256;
/// Unused approvals of one session; the oldest makes room.
pub const ASSURANCE_APPROVALS_COUNT: usize = 64;
/// How often a session's last activity is written down.
pub const SESSION_SEEN_INTERVAL: Duration = Duration::from_secs(5);
/// Time between two sweeps that write down what has expired.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Most rows of a list that an operator is shown.
pub const LISTED_COUNT: usize = 100_000;
/// How far a clock may be set back without a budget forgetting what was spent before.
pub const CLOCK_SET_BACK_LONGEST: Duration = Duration::from_secs(3 * 24 * 3_600);
/// Most entries without a signed head that a monitor is told of one by one.
pub const UNSIGNED_LISTED_COUNT: usize = 1_000;
/// How far the wall clock and the clock that nothing moves may part before everything open is void.
pub const CLOCKS_PART_LONGEST: Duration = Duration::from_secs(30);
/// Longest secret that is looked at.
pub const SECRET_LENGTH_BYTES: usize = 256;
/// Life of a local assertion's credential: it carries no secret that could leak.
pub const LOCAL_CREDENTIAL_LIFE: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);
/// Life of a permit that somebody else runs.
pub const SIGNED_PERMIT_LIFE: Duration = Duration::from_secs(10);
/// Longest text the guard sealed and an agent hands back.
pub const SEALED_TEXT_BYTES: usize = 256 * 1_024;
/// Life of a state that an agent hands back.
pub const ROUND_LIFE: Duration = Duration::from_secs(3_600);
/// Most answered states that are remembered as used.
pub const ROUNDS_OPEN_COUNT: usize = 65_536;
/// Most rounds of one held call; clients stop after ten, and the upstream may need some.
pub const HOLD_ROUNDS_COUNT: u8 = 9;
/// Longest wait within one round of a held call.
pub const HOLD_ROUND_LONGEST: Duration = Duration::from_secs(45);
/// Most replies of one request that wait for its agent to read.
pub const REPLIES_WAITING_COUNT: usize = 64;
/// Most open questions of one upstream to one agent.
pub const QUESTIONS_OPEN_COUNT: usize = 64;
/// Most events of one stream that are kept for an agent to come back to.
pub const OUTLET_EVENTS_COUNT: usize = 256;
/// Time an agent has to come back to a stream it left.
pub const RESUME_GRACE: Duration = Duration::from_secs(30);
/// Pause an agent is asked for before it comes back to a stream.
pub const RESUME_PAUSE: Duration = Duration::from_millis(500);
/// Most sessions of the legacy protocol one principal may have open.
pub const MCP_SESSIONS_PER_PRINCIPAL_COUNT: usize = 64;
/// How long a session of the protocol may lie unused.
pub const MCP_SESSION_IDLE: Duration = Duration::from_secs(30 * 60);
/// How often unused sessions are looked for.
pub const MCP_SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Most messages that belong to no request and wait for one agent.
pub const UNASKED_WAITING_COUNT: usize = 64;
/// How long an agent is told to wait where the wait is not computed.
pub const RETRY_INTERVAL: Duration = Duration::from_secs(30);
/// Most held calls that are tasks.
pub const TASKS_WAITING_COUNT: usize = 10_000;
/// Life of a held call as a task.
pub const TASK_LIFE: Duration = Duration::from_secs(24 * 3_600);
/// How often a client is asked to look after a task.
pub const TASK_POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Time a question about a running task waits for its end.
pub const TASK_ANSWER_WAIT: Duration = Duration::from_secs(2);
/// Time an agent has to read what comes before an answer, before it misses it.
pub const REPLY_TAKEN_WITHIN: Duration = Duration::from_secs(10);
/// Most entries of one sealed segment; what one transaction takes out of the record.
pub const SEGMENT_ENTRIES_COUNT: u64 = 50_000;
/// Longest line of an exported record or of an anchor.
pub const AUDIT_LINE_BYTES: usize = 64 * 1_024 * 1_024;
/// Most findings a verification spells out; the rest it counts.
pub const AUDIT_FINDINGS_COUNT: usize = 1_000;
/// Lines of a server's standard error that are told when it ends by itself.
pub const UPSTREAM_LAST_WORDS_COUNT: usize = 12;
/// Largest token of an issuer.
pub const JWT_BYTES: usize = 8 * 1_024;
/// Longest name of an issuer, subject, audience or key in a token.
pub const JWT_NAME_BYTES: usize = 512;
/// Most audiences of one token.
pub const JWT_AUDIENCES_COUNT: usize = 32;
/// How far the clocks of guard and issuer may part.
pub const JWT_LEEWAY: Duration = Duration::from_secs(30);
/// Largest set of keys of an issuer.
pub const JWKS_BYTES: usize = 64 * 1_024;
/// Most keys of an issuer.
pub const JWKS_KEYS_COUNT: usize = 100;
/// Least time between two looks at an issuer's keys.
pub const JWKS_REFRESH_INTERVAL: Duration = Duration::from_secs(60);
/// Age at which an issuer's keys are looked at again.
pub const JWKS_FRESH: Duration = Duration::from_secs(300);
/// Age at which keys that could not be looked at again verify nothing any more.
pub const JWKS_STALE_LONGEST: Duration = Duration::from_secs(3_600);
/// Time an issuer has to give its keys.
pub const JWKS_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Time an identity provider has for one answer.
pub const PROVIDER_ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer of an identity provider.
pub const PROVIDER_ANSWER_BYTES: usize = 256 * 1_024;
/// Longest code that a browser brings back from an identity provider.
pub const PROVIDER_CODE_BYTES: usize = 4_096;
/// Most groups of one person at an identity provider.
pub const PROVIDER_GROUPS_COUNT: usize = 2_048;
/// How long ago somebody may have signed in at an identity provider and still has just proved themselves.
pub const PROVIDER_PROOF_LONGEST: Duration = Duration::from_secs(300);
/// Time somebody has to come back from an identity provider.
pub const JOURNEY_LIFE: Duration = Duration::from_secs(600);
/// Most people on their way to an identity provider; beyond, the oldest way is void.
pub const JOURNEYS_OPEN_COUNT: usize = 4_096;
/// How long before a decision an identity provider may have been asked for the rights of whoever decides.
pub const RIGHTS_READ_LONGEST: Duration = Duration::from_secs(15 * 60);
/// Most identities of one agent that tokens may prove.
pub const TOKEN_IDENTITIES_PER_AGENT_COUNT: usize = 10_000;
/// Most proofs by tokens that are remembered at once.
pub const TOKEN_PROOFS_COUNT: usize = 100_000;
/// How long a proof that is over is still known to be over; longer than any request is held.
pub const TOKEN_PROOF_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Time between a request and the first word of it, in which others of its agent join it.
pub const NOTICE_GATHER: Duration = Duration::from_secs(1);
/// Time after a message in which further requests of the same agent gather for the next one.
pub const NOTICE_BURST: Duration = Duration::from_secs(15);
/// Most requests that one message spells out; the rest it counts.
pub const NOTICE_REQUESTS_COUNT: usize = 12;
/// Longest sentence of one request in a message.
pub const NOTICE_SENTENCE_CHARS: usize = 1_000;
/// Least time between two reminders of one request.
pub const NOTICE_REMIND_SHORTEST: Duration = Duration::from_secs(60);
/// Most reminders of one request on one channel.
pub const NOTICE_REMINDERS_COUNT: u32 = 5;
/// Most channels, and most steps of escalation of one.
pub const NOTICE_CHANNELS_COUNT: usize = 32;
/// Most addresses that one mail goes to.
pub const NOTICE_RECIPIENTS_COUNT: usize = 32;
/// Time a receiver has to take one message.
pub const NOTICE_TAKEN_WITHIN: Duration = Duration::from_secs(15);
/// Longest part of a receiver's answer that is read, when somebody tests a channel.
pub const NOTICE_ANSWER_BYTES: usize = 1_024;
/// Pause after the first try that failed; it doubles with each further one.
pub const NOTICE_RETRY_SHORTEST: Duration = Duration::from_secs(2);
/// Longest pause between two tries, whatever a receiver asks for.
pub const NOTICE_RETRY_LONGEST: Duration = Duration::from_secs(60);
/// Tries after which a message is given up.
pub const NOTICE_TRIES_COUNT: u32 = 20;
/// Time between two looks at what waits, where many things change at once.
pub const NOTICE_LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Time a receiver still has when the guard is told to stop.
pub const NOTICE_STOP_GRACE: Duration = Duration::from_secs(2);
