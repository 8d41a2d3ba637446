//! Tenants cannot see each other: an agent or webhook of another project or environment is answered as not found.

use anyhow::{Context, Result};
use http::Method;
use local::demo::LIVE_KEY;
use local::template::{Template, Trigger};
use serde_json::{Value, json};

use crate::documented_calls;
use crate::receiver::Receiver;
use crate::stack::{AGENT, Answer, Api};

/// An agent that is registered in the demo project's test environment alone.
const TEST_ONLY: &str = "agt_test_only";

/// The ids in the paths and bodies of calls.
#[derive(Clone)]
struct Ids {
    agent: String,
    talkovers: String,
    caseys: String,
}

/// Every route of the template: its method and path.
fn template_routes() -> Result<Vec<(Method, String)>> {
    let template = Template::built_in()?;
    let triggers = template.functions.values().flat_map(|function| &function.triggers);
    let routes = triggers.filter_map(|trigger| match trigger {
        Trigger::Route { method, path } => Some((method, path)),
        Trigger::Queue { .. } | Trigger::Schedule { .. } => None,
    });
    routes.map(|(method, path)| Ok((Method::try_from(method.as_str())?, path.clone()))).collect()
}

/// A call of each route that would succeed for its own tenant, as the API reference shows it.
struct RouteCall {
    method: Method,
    route: String,
    /// The query of the call, if it has one.
    query: String,
    body: Value,
}

impl RouteCall {
    fn of_all_routes() -> Result<Vec<Self>> {
        let (routes, pages) = (template_routes()?, documented_calls::read_pages()?);
        let call = |route: &(Method, String)| {
            let call = pages.iter().flatten().find(|call| call.succeeds() && call.route(&routes) == Some(route));
            let call = call.with_context(|| format!("{route:?} has no documented call"))?;
            Ok(Self {
                method: route.0.clone(),
                route: route.1.clone(),
                query: call.path.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default(),
                body: serde_json::from_str(&call.body_for("https://theirs.example")).unwrap_or_else(|_| json!({})),
            })
        };
        routes.iter().map(call).collect()
    }

    /// The path and body with these ids in them.
    fn naming(&self, ids: &Ids) -> (String, String) {
        let path = self.route.replace("{agent_id}", &ids.agent).replace("{webhook_id}", &ids.talkovers);
        let path = path.replace("{id}", &ids.caseys) + &self.query.replace(AGENT, &ids.agent);
        (path, self.body.to_string().replace(AGENT, &ids.agent))
    }

    /// Whether the call says which agent or webhook it is about.
    fn has_ids(&self) -> bool {
        self.route.contains('{') || self.query.contains(AGENT)
    }
}

/// Creates an agent, webhooks of every kind, and a delivery in the test environment.
async fn create_all(api: &Api, receiver: &Receiver) -> Result<Ids> {
    assert_eq!(api.put(&format!("/v1/agents/{TEST_ONLY}"), &json!({ "name": "Hidden" })).await?.status, 201);
    api.set_webhook(TEST_ONLY, &receiver.url("/agent")).await?;
    api.post("/agentphone/v1/webhooks", &json!({ "url": receiver.url("/default") })).await?;
    let talkover = json!({ "name": "Hidden", "webhook_url": receiver.url("/talkover"), "events": ["event_action"] });
    let talkover = api.post(&format!("/talkover/api/v1/agents/{TEST_ONLY}/webhooks"), &talkover).await?;
    let casey = json!({ "url": receiver.url("/casey"), "event_types": ["a"] });
    let casey = api.post("/casey/v1/backend/webhooks", &casey).await?;
    let id = |answer: &Answer| answer.body["data"]["id"].as_str().unwrap().to_owned();
    api.publish(&json!({ "type": "a", "agent_id": TEST_ONLY, "data": { "by": "test" } })).await?;
    api.idle().await?;
    Ok(Ids { agent: TEST_ONLY.to_owned(), talkovers: id(&talkover), caseys: id(&casey) })
}

/// Every answer that the test environment's own key gets.
async fn visible_answers(api: &Api, calls: &[RouteCall], ids: &Ids) -> Result<Vec<(String, Value)>> {
    let mut shown = Vec::new();
    for call in calls {
        if call.method == Method::GET {
            let answer = api.get(&call.naming(ids).0).await?;
            assert_eq!(answer.status, 200, "{}", call.route);
            shown.push((call.route.clone(), answer.body));
        }
    }
    Ok(shown)
}

#[tokio::test]
async fn nothing_of_one_environment_or_project_is_visible_to_another_in_any_call() -> Result<()> {
    let (api, receiver) = (Api::start().await?, Receiver::start(&[]).await?);
    let (ids, calls) = (create_all(&api, &receiver).await?, RouteCall::of_all_routes()?);
    let before = visible_answers(&api, &calls, &ids).await?;
    let nobody = Ids {
        agent: "agt_nobody_has".to_owned(),
        talkovers: "9fcafbf2-7593-44d6-8cd7-1b221beba62a".to_owned(),
        caseys: "wh_0".to_owned(),
    };
    for other in [api.with_key(LIVE_KEY), api.project("other").await?] {
        let mut compared = 0;
        for call in &calls {
            let (method, path) = (&call.method, &call.route);
            let (named, body) = call.naming(&ids);
            let makes_an_agent = *method == Method::PUT && path == "/v1/agents/{agent_id}";
            if makes_an_agent {
                continue;
            }
            let answer = other.send(method.clone(), &named, body).await?;
            if call.has_ids() {
                let (named, body) = call.naming(&nobody);
                assert_eq!(answer, other.send(method.clone(), &named, body).await?, "{method} {path}");
                assert_eq!(answer.status, 404, "{method} {path}");
                compared += 1;
            }
            let text = answer.body.to_string();
            let receiver_url = receiver.url("");
            let secrets = ["Hidden", &receiver_url, &ids.talkovers, &ids.caseys];
            assert!(!secrets.iter().any(|secret| text.contains(secret)), "{method} {path}: {text}");
            if path.contains("deliveries") && path.starts_with("/agentphone/v1/webhooks") {
                assert_eq!(answer.body["total"], 0, "{method} {path}");
            }
        }
        assert!(compared >= 20, "{compared}");
        // The other tenant may use the same id for an agent of its own.
        assert_eq!(other.put(&format!("/v1/agents/{TEST_ONLY}"), &json!({ "name": "Theirs" })).await?.status, 201);
        assert_eq!(other.delete(&format!("/v1/agents/{TEST_ONLY}")).await?.status, 204);
    }
    api.idle().await?;
    assert_eq!(visible_answers(&api, &calls, &ids).await?, before, "nothing has changed");
    let by: Vec<Value> = receiver.received().iter().map(|received| received.json()["data"]["by"].clone()).collect();
    assert_eq!(by, ["test", "test"], "no event of another tenant came");
    Ok(())
}

#[tokio::test]
async fn no_route_answers_without_a_valid_key() -> Result<()> {
    let api = Api::start().await?;
    let routes = template_routes()?;
    for (method, path) in &routes {
        for (key, detail, message) in [
            ("", "Missing API key.", "Send an API key: `Authorization: Bearer <key>`."),
            ("sk_test_wrong", "Invalid API key.", "The API key is not valid."),
        ] {
            let path = path.replace("{agent_id}", AGENT).replace("{id}", "wh_0").replace("{webhook_id}", "wh_0");
            let answer = api.with_key(key).send(method.clone(), &path, "{}").await?;
            let error = |message: &str| json!({ "error": { "code": "unauthorized", "message": message } });
            let expected = match path.split('/').nth(1) {
                Some("v1") => error(message),
                Some("casey") => error(detail.trim_end_matches('.')),
                Some("talkover") => {
                    json!({ "message": detail.trim_end_matches('.').replace("API key", "Bearer Token") })
                }
                _ => json!({ "detail": detail }),
            };
            assert_eq!((answer.status, answer.body), (401, expected), "{method} {path}");
        }
    }
    assert!(routes.len() >= 33, "{}", routes.len());
    Ok(())
}
