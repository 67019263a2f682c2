//! Links over pipes, to shell scripts that behave badly.

use std::path::Path;
use std::time::Duration;

use countersign::mcp::dialect::Era;
use countersign::mcp::jsonrpc::Id;
use countersign::mcp::upstream::{Event, Incoming, Link, LinkError, TransportSpec, UpstreamSpec};
use countersign::model::outcome::Outcome;
use serde_json::{Value, json};

use crate::{all, ask, open, program, request, until};

/// A server of one script, which finds each line in `$line`, its id in `$id`, and answers with `say`.
fn script(body: &str) -> UpstreamSpec {
    let text = format!(
        r#"
say() {{ printf '%s\n' "$1"; }}
result() {{ say "{{\"jsonrpc\":\"2.0\",\"id\":\"$id\",\"result\":$1}}"; }}
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
  method=$(printf '%s' "$line" | sed -n 's/.*"method":"\([^"]*\)".*/\1/p')
  case "$method" in
    {body}
  esac
done"#
    );
    program("sh", &["-c", &text])
}

async fn link(body: &str) -> Link {
    open(&script(body), Era::Legacy).await.0
}

#[tokio::test]
async fn a_child_gets_a_cleared_environment_and_the_declared_list() {
    let mut spec = script(r#"*) result "\"$(env | cut -d= -f1 | tr '\n' ' ')\"";;"#);
    if let TransportSpec::Stdio(stdio) = &mut spec.transport {
        stdio.env.insert("DECLARED".to_owned(), "1".to_owned());
    }
    let (link, _incoming) = open(&spec, Era::Legacy).await;
    let answer = ask(&link, "x", json!({})).await.unwrap().unwrap();
    let names: Vec<&str> = answer.as_str().unwrap().split_whitespace().collect();
    assert!(names.contains(&"DECLARED") && names.contains(&"PATH"));
    // Cargo sets this one for every test.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!names.contains(&"CARGO_MANIFEST_DIR"), "{names:?}");
}

#[tokio::test]
async fn a_child_gets_no_file_that_the_guard_has_open() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("the-guards-own");
    let _open = std::fs::File::create(&secret).unwrap();
    let link = link(r#"*) result "\"$(ls -l /proc/$$/fd | tr '\n"' '  ')\"";;"#).await;
    let files = ask(&link, "x", json!({})).await.unwrap().unwrap();
    let files = files.as_str().unwrap();
    assert!(files.contains("pipe:"), "{files}");
    assert!(!files.contains("the-guards-own"), "{files}");
}

#[tokio::test]
async fn a_bad_answer_fails_its_own_call_only() {
    let link = link(
        r#"
    good) result '{"ok":true}';;
    garbage) say 'not json'; say '{"jsonrpc":"2.0","id":"nobody","result":{}}'; result '{"ok":1}';;
    double) say "{\"jsonrpc\":\"2.0\",\"id\":\"$id\",\"result\":{\"a\":1,\"a\":2}}";;
    both) say "{\"jsonrpc\":\"2.0\",\"id\":\"$id\",\"result\":{},\"error\":{\"code\":1,\"message\":\"\"}}";;
    never) ;;"#,
    )
    .await;
    let waiting = link.send(request("never", json!({}))).await.unwrap();
    for method in ["double", "both"] {
        let fault = ask(&link, method, json!({})).await.unwrap_err();
        assert!(matches!(fault, LinkError::Message(_)), "{fault:?}");
        assert_eq!(fault.outcome(), Outcome::Failed);
    }
    let answer = ask(&link, "garbage", json!({})).await.unwrap().unwrap();
    assert_eq!(answer, json!({"ok": 1}));
    assert_eq!(link.dropped_count(), 2);
    assert!(ask(&link, "good", json!({})).await.unwrap().is_ok());
    assert!(link.is_open());
    drop(waiting);
}

#[tokio::test]
async fn an_answer_too_large_fails_the_call_that_waits_and_the_next_line_is_read() {
    let link = link(
        r#"
    flood) head -c 70000000 /dev/zero | tr '\0' x; echo;;
    good) result '{"ok":true}';;"#,
    )
    .await;
    let fault = ask(&link, "flood", json!({})).await.unwrap_err();
    assert!(matches!(fault, LinkError::TooLarge), "{fault:?}");
    assert!(ask(&link, "good", json!({})).await.unwrap().is_ok());
}

#[tokio::test]
async fn progress_finds_its_request_under_the_agents_token() {
    let link = link(
        r#"
    work)
      say "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"$id\",\"progress\":1}}"
      say '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":2}}'
      result "\"$(printf '%s' "$line" | sed 's/"/+/g')\"";;"#,
    )
    .await;
    let exchange = link
        .send(request("work", json!({"_meta": {"progressToken": 7}})))
        .await
        .unwrap();
    let events = all(exchange).await;
    let [
        Event::Notification(told),
        Event::Response {
            result: Ok(answer), ..
        },
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!(told.params["progressToken"], json!(7));
    let sent = answer.as_str().unwrap();
    assert!(sent.contains("+progressToken+:+cs-"), "{sent}");
    // The second named no token of ours.
    assert_eq!(link.dropped_count(), 1);
}

#[tokio::test]
async fn two_requests_with_one_token_keep_their_own_progress() {
    let link = link(
        r#"
    first) first=$id;;
    second)
      for token in "$id" "$first"; do
        say "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"$token\",\"progress\":1}}"
      done
      result 2; id=$first; result 1;;"#,
    )
    .await;
    let params = json!({"_meta": {"progressToken": 1}});
    let first = link.send(request("first", params.clone())).await.unwrap();
    let second = link.send(request("second", params)).await.unwrap();
    for exchange in [first, second] {
        let events = all(exchange).await;
        assert!(
            matches!(
                events.as_slice(),
                [Event::Notification(_), Event::Response { .. }]
            ),
            "{events:?}"
        );
    }
}

#[tokio::test]
async fn what_a_listener_hears_carries_the_agents_own_id() {
    let link = link(
        r#"
    listen)
      say "{\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"$id\"}}}"
      say '{"jsonrpc":"2.0","method":"n","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":9}}}'
      result "{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"$id\"}}";;"#,
    )
    .await;
    let mut listen = request("listen", json!({}));
    listen.known_as = Some(Id::from_value(&json!(5)).unwrap());
    let events = all(link.send(listen).await.unwrap()).await;
    let key = "io.modelcontextprotocol/subscriptionId";
    let [
        Event::Notification(told),
        Event::Response {
            result: Ok(answer), ..
        },
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!(told.params["_meta"][key], json!(5));
    assert_eq!(answer["_meta"][key], json!(5));
}

#[tokio::test]
async fn a_question_of_the_server_is_heard_and_answered_under_its_own_id() {
    let (link, mut incoming) = open(
        &script(
            r#"
    ask) asked=$id; say '{"jsonrpc":"2.0","id":0,"method":"roots/list"}';;
    *) case "$line" in *'"id":0'*'"roots":[]'*) id=$asked; result '"heard"';; esac;;"#,
        ),
        Era::Legacy,
    )
    .await;
    let exchange = link.send(request("ask", json!({}))).await.unwrap();
    let Some(Incoming::Request(question)) = incoming.recv().await else {
        panic!("no question");
    };
    assert_eq!(question.method, "roots/list");
    link.respond(question.id, Ok(json!({"roots": []})))
        .await
        .unwrap();
    assert_eq!(exchange.answer().await.unwrap().unwrap(), json!("heard"));
}

#[tokio::test]
async fn a_call_whose_server_dies_is_unknown_and_the_next_is_not_sent() {
    let link = link("die) exit 3;;").await;
    let fault = ask(&link, "die", json!({})).await.unwrap_err();
    assert_eq!(fault.outcome(), Outcome::Unknown);
    until("the link is closed", || async { !link.is_open() }).await;
    let fault = ask(&link, "die", json!({})).await.unwrap_err();
    assert_eq!(fault.outcome(), Outcome::NotSent);
}

#[tokio::test]
async fn a_call_without_an_answer_in_time_is_unknown_and_the_server_hears_of_it() {
    let link = link(
        r#"
    slow) slow=$id;;
    notifications/cancelled) cancelled=$line;;
    tell) case "$cancelled" in *"\"requestId\":\"$slow\""*) result true;; *) result false;; esac;;"#,
    )
    .await;
    let mut slow = request("slow", json!({}));
    slow.within = Duration::from_millis(50);
    let fault = link.send(slow).await.unwrap().answer().await.unwrap_err();
    assert!(matches!(fault, LinkError::TimedOut), "{fault:?}");
    assert_eq!(fault.outcome(), Outcome::Unknown);
    let told = ask(&link, "tell", json!({})).await.unwrap().unwrap();
    assert_eq!(told, json!(true));
    let slow = link.send(request("slow", json!({}))).await.unwrap();
    slow.cancel("the agent left");
    let told = ask(&link, "tell", json!({})).await.unwrap().unwrap();
    assert_eq!(told, json!(true));
    // An exchange that is only dropped tells nothing.
    drop(link.send(request("slow", json!({}))).await.unwrap());
    let told = ask(&link, "tell", json!({})).await.unwrap().unwrap();
    assert_eq!(told, json!(false));
}

#[tokio::test]
async fn a_call_that_a_stuck_server_does_not_take_is_taken_back_before_its_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    // Reads nothing until it is told, then says how many lines came.
    let text = format!(
        "until [ -e '{go}' ]; do sleep 0.05; done
while read -r line; do case \"$line\" in *taken-back*) echo x;; *count*) echo xx; exit 0;; esac; done",
        go = go.display()
    );
    let link = open(&program("sh", &["-c", &text]), Era::Legacy).await.0;
    let large = request("large", json!({"x": "x".repeat(1 << 20)}));
    let blocked = link.send(large);
    let later = async {
        // The large one is begun and fills the pipe, so this one never begins.
        let fault = link
            .send(request("taken-back", json!({})))
            .await
            .err()
            .unwrap();
        assert!(matches!(fault, LinkError::Stuck), "{fault:?}");
        assert_eq!(fault.outcome(), Outcome::NotSent);
        std::fs::write(&go, "").unwrap();
    };
    let (large, ()) = tokio::join!(blocked, later);
    let _large = large.unwrap();
    let _count = link.send(request("count", json!({}))).await.unwrap();
    until("it counted", || async { !link.is_open() }).await;
    // One garbage line for the end; a second would be for what was taken back.
    assert_eq!(link.dropped_count(), 1);
}

#[tokio::test]
async fn a_flood_of_notifications_cannot_push_out_the_answer() {
    let link = link(
        r#"
    flood)
      i=0; while [ $i -lt 500 ]; do i=$((i+1))
        say "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"$id\",\"progress\":$i}}"
      done
      result '"end"';;"#,
    )
    .await;
    let exchange = link
        .send(request("flood", json!({"_meta": {"progressToken": 1}})))
        .await
        .unwrap();
    // Nobody reads until the flood is over.
    until("most was dropped", || async { link.dropped_count() > 400 }).await;
    let events = all(exchange).await;
    assert!(events.len() < 100, "{}", events.len());
    assert!(
        matches!(events.last(), Some(Event::Response { result: Ok(Value::String(end)), .. }) if end == "end")
    );
}

/// The numbers of the child and of a process that the child started.
async fn family(link: &Link) -> [String; 2] {
    let answer = ask(link, "family", json!({})).await.unwrap().unwrap();
    let text = answer.as_str().unwrap();
    let (child, kin) = text.split_once(' ').unwrap();
    [child.to_owned(), kin.to_owned()]
}

const FAMILY: &str = r#"family) sleep 600 & result "\"$$ $!\"";;"#;

/// Gone, or dead and not yet buried by whoever inherited it.
async fn is_gone(number: &str) -> bool {
    let status = Path::new("/proc").join(number).join("stat");
    std::fs::read_to_string(status).map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test]
async fn closing_a_link_ends_the_child_and_all_its_kin() {
    let link = link(FAMILY).await;
    let family = family(&link).await;
    link.close().await;
    for number in &family {
        until("the process is gone", || is_gone(number)).await;
    }
}

#[tokio::test]
async fn a_child_that_will_not_end_is_killed() {
    let text = "trap '' TERM; printf 'x\\n'; while true; do sleep 1; done";
    let link = open(&program("sh", &["-c", text]), Era::Legacy).await.0;
    until("the trap is set", || async { link.dropped_count() == 1 }).await;
    tokio::time::timeout(crate::LONG, link.close())
        .await
        .expect("closing is bounded");
}

#[tokio::test]
async fn dropping_a_link_kills_the_child_and_all_its_kin() {
    let link = link(FAMILY).await;
    let family = family(&link).await;
    drop(link);
    for number in &family {
        until("the process is gone", || is_gone(number)).await;
    }
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_refused_and_nothing_was_sent() {
    let spec = program("no-such-program-anywhere", &[]);
    let ambient = countersign::ambient::Ambient::system();
    let fault = Link::open(&spec, Era::Legacy, &ambient)
        .await
        .err()
        .unwrap();
    assert_eq!(fault.outcome(), Outcome::NotSent);
}

#[tokio::test]
async fn the_pin_is_over_command_arguments_and_the_bytes_of_program_and_script() {
    let folder = tempfile::tempdir().unwrap();
    let server = folder.path().join("server.sh");
    std::fs::write(&server, "exit 0").unwrap();
    let path = server.to_str().unwrap();
    let pin = |args: &[&str]| program("sh", args).pin();
    let before = pin(&[path]);
    assert_eq!(pin(&[path]), before);
    assert_ne!(pin(&[path, "--more"]), before);
    assert_ne!(program("dash-or-not", &[path]).pin(), before);
    std::fs::write(&server, "exit 1").unwrap();
    assert_ne!(pin(&[path]), before);
}
