//! The comparison code in the hands of whoever read it.

use countersign::api::{Route, agents, operators};
use reqwest::Method;
use serde_json::{Value, json};

use super::edge::Agent;
use super::edges::legacy::Legacy;
use super::edges::modern::Rounds;
use super::house::House;

/// Everything about the request that somebody could know besides a credential.
struct Known {
    id: String,
    code: String,
    digest: Value,
    version: String,
}

impl Known {
    async fn of(house: &House) -> Self {
        let body = json!({"mode": "proxy", "tool": "bank/pay", "arguments": {"amount": 500}});
        let (status, held) = house
            .ask(&house.clerk, Method::POST, "/v1/calls", &body)
            .await;
        assert_eq!(status, 202, "{held}");
        let id = held["approval_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/approvals/{id}");
        let (_, shown, version) = house.operate(&house.alice, Method::GET, &path, None).await;
        Self {
            code: held["code"].as_str().unwrap().to_owned(),
            digest: shown["action_digest"].clone(),
            version: version.unwrap(),
            id,
        }
    }

    fn decision(&self) -> Value {
        json!({"decision": "approve", "action_digest": self.digest, "decision_id": self.code})
    }

    fn path(&self, route: &Route) -> String {
        let path = route.path.replace("{name}", "clerk");
        path.replace("{id}", &self.id)
    }
}

#[tokio::test]
async fn the_code_alone_approves_nothing() {
    let house = House::new().await;
    let known = Known::of(&house).await;
    let code = known.code.as_str();

    // On every route of the operators it proves nobody, however it is worn and whatever comes with it.
    let mut with_code = known.decision();
    with_code["code"] = json!(code);
    let bearers = [
        code.to_owned(),
        known.id.clone(),
        format!("cso_{code}"),
        house.clerk.clone(),
    ];
    for route in operators::routes().iter().filter(|route| !route.open) {
        let method: Method = route.method.parse().unwrap();
        for bearer in &bearers {
            for body in [known.decision(), with_code.clone()] {
                let body = (method != Method::GET).then(|| (body, Some(known.version.clone())));
                let path = known.path(route);
                let (status, ..) = house.operate(bearer, method.clone(), &path, body).await;
                assert_eq!(status, 401, "{route:?}");
            }
        }
    }

    // Beside an operator's credential it is no member of a decision, and makes nobody eligible.
    let path = format!("/v1/approvals/{}/decisions", known.id);
    let body = Some((with_code, Some(known.version.clone())));
    assert_eq!(
        house
            .operate(&house.alice, Method::POST, &path, body)
            .await
            .0,
        400
    );
    let mut only_code = known.decision();
    only_code["action_digest"] = json!(code);
    let body = Some((only_code, Some(known.version.clone())));
    assert_eq!(
        house
            .operate(&house.alice, Method::POST, &path, body)
            .await
            .0,
        400
    );
    let body = Some((known.decision(), Some(known.version.clone())));
    assert_eq!(
        house
            .operate(&house.dave, Method::POST, &path, body)
            .await
            .0,
        403
    );

    // An agent that posts it anywhere has approved nothing.
    for route in agents::routes().iter().filter(|route| !route.open) {
        let method: Method = route.method.parse().unwrap();
        let path = known.path(route);
        house
            .ask(
                &house.neighbour,
                method.clone(),
                &path,
                &json!({"code": code}),
            )
            .await;
        house.ask(code, method, &path, &json!({"code": code})).await;
    }
    for more in [
        json!({"context": {"code": code, "approved": true, "approval_id": known.id}}),
        json!({"code": code}),
        json!({"approval": {"id": known.id, "code": code}}),
    ] {
        let mut body = json!({"mode": "proxy", "tool": "bank/pay", "arguments": {"amount": 500}});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let (status, answer) = house
            .ask(&house.clerk, Method::POST, "/v1/calls", &body)
            .await;
        assert!(matches!(status, 202 | 400), "{status} {answer}");
    }
    over_mcp::<Legacy>(&house, code).await;
    over_mcp::<Rounds>(&house, code).await;

    assert!(
        house
            .bank
            .calls()
            .iter()
            .all(|call| !call.body.contains("500"))
    );
    assert_eq!(house.state(&known.id).await, "held");
    // The very same digest and version with an eligible operator's credential do decide.
    house.approve(&known.id).await;
}

async fn over_mcp<A: Agent>(house: &House, code: &str) {
    let agent = A::connect(house, &house.clerk).await;
    agent.call("pay", &json!({"amount": 500})).await.held();
    let with_code = json!({"amount": 500, "code": code, "approvalCode": code});
    agent.call("pay", &with_code).await.held();
}
