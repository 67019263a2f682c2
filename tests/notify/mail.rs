//! Mail, taken by a server of another implementation.

use super::receivers::Receiver;
use super::stage::{configure, hold, house, recorded};

fn channel(receiver: &Receiver, tls: &str, rest: &str) -> String {
    format!(
        "- {{name: post, mail: {{server: localhost, port: {}, tls: {tls}, from: guard@example.com, \
         to: [ada@example.com, bob@example.com], allow_private: true{rest}}}}}\n",
        receiver.port()
    )
}

fn trusted(receiver: &Receiver) -> String {
    let authority = receiver.authority();
    format!(
        ", ca: '{}', user: guard, password: {{file: password}}",
        authority.display()
    )
}

#[test]
fn a_mail_goes_over_starttls_after_a_login_and_says_only_the_guards_words_in_its_head() {
    let receiver = Receiver::of_mail("starttls", "guard", "swordfish");
    let house = house(&channel(&receiver, "starttls", &trusted(&receiver)));
    house.write("password", "swordfish\n");
    let agent = house.key();
    let serving = house.serve();
    let held = hold(&house, &agent, 1200);
    let mail = receiver.receives(1).remove(0);
    assert_eq!(mail["private"], true);
    assert_eq!(mail["authenticated"], true);
    assert_eq!(mail["from"], "guard@example.com");
    assert_eq!(
        mail["to"],
        serde_json::json!(["ada@example.com", "bob@example.com"])
    );
    let head = &mail["head"];
    assert_eq!(
        head["subject"],
        "Countersign: 1 request waits for a decision (critical)"
    );
    assert_eq!(head["from"], "guard@example.com");
    assert!(
        head["message-id"].as_str().unwrap().starts_with("<msg_"),
        "{head}"
    );
    assert!(
        head["content-type"]
            .as_str()
            .unwrap()
            .starts_with("text/plain"),
        "{head}"
    );
    let text = mail["text"].as_str().unwrap();
    let id = held["approval_id"].as_str().unwrap();
    for words in [
        "clerk wants to call till/pay (money) with amount 1200",
        &format!("https://guard.example/requests/{id}"),
        &format!("code {}", held["code"].as_str().unwrap()),
        "Nothing can be decided by mail",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(recorded(&house, "post", "sent")["tries"], 1);
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn a_mail_is_not_handed_to_a_server_that_is_not_the_one_that_is_meant() {
    let receiver = Receiver::of_mail("starttls", "guard", "swordfish");
    let house = house(&channel(&receiver, "starttls", &trusted(&receiver)));
    house.write("password", "another\n");
    let (_, err) = house.ends(1, &["notify", "test", "post"]);
    assert!(
        err.contains("the mail server refused the guard: 535"),
        "{err}"
    );
    // Nobody vouches for its certificate.
    let stranger = ", user: guard, password: {file: password}";
    configure(&house, &channel(&receiver, "starttls", stranger));
    let (_, err) = house.ends(1, &["notify", "test", "post"]);
    assert!(
        err.contains("the connection could not be made private"),
        "{err}"
    );
    // It offers no TLS at all, and gets no mail because of that.
    let plain = Receiver::of_mail("none", "", "");
    configure(&house, &channel(&plain, "starttls", ""));
    let (_, err) = house.ends(1, &["notify", "test", "post"]);
    assert!(err.contains("the mail server offers no STARTTLS"), "{err}");
    assert!(receiver.received().is_empty() && plain.received().is_empty());
}

#[test]
fn a_mail_goes_over_tls_from_the_begin_or_in_plain_text_to_this_machine_alone() {
    let receiver = Receiver::of_mail("tls", "guard", "swordfish");
    let house = house(&channel(&receiver, "tls", &trusted(&receiver)));
    house.write("password", "swordfish");
    let (out, _) = house.ends(0, &["notify", "test", "post"]);
    assert!(
        out.contains("post: taken; the receiver said: 250 taken"),
        "{out}"
    );
    assert_eq!(receiver.receives(1)[0]["private"], true);

    let plain = Receiver::of_mail("none", "", "");
    configure(&house, &channel(&plain, "none", ""));
    house.ends(0, &["notify", "test", "post"]);
    let mail = plain.receives(1).remove(0);
    assert_eq!(mail["head"]["subject"], "Countersign: this is a test");
    let off = house.json(&["doctor"])["switched_off"].to_string();
    assert!(off.contains("tls: none: mail of channel post"), "{off}");
    let elsewhere = channel(&plain, "none", "").replace("localhost", "mail.example.com");
    configure(&house, &elsewhere);
    let (_, err) = house.ends(2, &["notify", "test", "post"]);
    assert!(
        err.contains("`tls: none` is for a mail server on this very machine"),
        "{err}"
    );
}
