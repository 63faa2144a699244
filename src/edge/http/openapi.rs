//! The OpenAPI 3.0 document, made of the list of endpoints. Plain enough for importers that know little: no `oneOf`, no
//! `anyOf`, no `allOf`, every structure named, every error one shape.

use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use super::endpoints::{ENDPOINTS, Endpoint};
use super::reply::{Reply, fresh};
use super::shape::{Content, Field};
use super::shapes::PROBLEM;

/// `GET /v1/openapi.json`.
pub async fn serve(headers: HeaderMap) -> Reply {
    Ok(fresh(&headers, &document()))
}

/// The document.
pub fn document() -> Value {
    let mut schemas = Map::new();
    PROBLEM.schema(&mut schemas, false);
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in ENDPOINTS {
        let operation = operation(endpoint, &mut schemas);
        let path = paths.entry(endpoint.path.to_owned()).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(endpoint.method.to_owned(), operation);
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "endorsed",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "May this deal move, why not, whose words, what is missing. Times are UTC. Errors are problem+json (RFC 9457). Take everything but `allowed: true` for a no.",
            "license": { "name": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": {
                "type": "http", "scheme": "bearer", "description": "A token of `endorsed tokens create`.",
            } },
        },
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut Map<String, Value>) -> Value {
    let mut parameters: Vec<Value> = Vec::new();
    parameters.extend(endpoint.parts.iter().map(|field| parameter(field, "path", schemas)));
    parameters.extend(endpoint.query.iter().map(|field| parameter(field, "query", schemas)));
    let writes = endpoint.right.is_some_and(crate::answer::Right::writes);
    if writes {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The same write sent again with the same key is done once.",
            "schema": { "type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": 255 },
        }));
    }
    let mut operation = json!({
        "operationId": endpoint.id,
        "summary": endpoint.about,
        "parameters": parameters,
        "responses": responses(endpoint, writes, schemas),
    });
    if let Some(map) = operation.as_object_mut() {
        if let Some(body) = endpoint.body {
            let content = body.schema(schemas, true);
            let body = json!({ "required": true, "description": body.about(), "content": content });
            map.insert("requestBody".into(), body);
        }
        if endpoint.right.is_some() {
            map.insert("security".into(), json!([{ "token": [] }]));
        }
    }
    operation
}

fn parameter(field: &Field, place: &str, schemas: &mut Map<String, Value>) -> Value {
    json!({
        "name": field.name, "in": place, "required": field.must, "description": field.about,
        "schema": field.kind.schema(schemas),
    })
}

fn responses(endpoint: &Endpoint, writes: bool, schemas: &mut Map<String, Value>) -> Value {
    let mut responses = Map::new();
    let content = endpoint.answer.schema(schemas, false);
    responses.insert("200".into(), json!({ "description": endpoint.answer.about(), "content": content }));
    let mut errors = vec![
        (400, "The request cannot be read."),
        (408, "The request took too long."),
        (421, "This server does not go by that name."),
        (429, "Too many requests."),
        (503, "Could not tell: take it for a no."),
    ];
    if endpoint.right.is_some() {
        errors.extend([(401, "No token, or one that is not known."), (403, "The role does not allow this.")]);
    }
    let names = endpoint.parts.iter().chain(endpoint.query).any(|f| f.must) || endpoint.body.is_some();
    if names {
        errors.push((404, "There is no such thing."));
    }
    if writes {
        errors.extend([
            (409, "It cannot be done as things are."),
            (413, "The body is too large."),
            (415, "The body is of another type."),
            (422, "The body does not say what is needed."),
        ]);
    } else if matches!(endpoint.answer, Content::Json(_)) {
        responses.insert("304".into(), json!({ "description": "The client has the answer already." }));
    }
    for (status, about) in errors {
        let schema = json!({ "$ref": format!("#/components/schemas/{}", PROBLEM.name) });
        let content = json!({ "application/problem+json": { "schema": schema } });
        responses.insert(status.to_string(), json!({ "description": about, "content": content }));
    }
    Value::Object(responses)
}

/// What an importer of a CRM stumbles over in this document, in words; nothing when it takes it.
#[cfg(test)]
fn stumbles(document: &Value) -> Vec<String> {
    /// Longest description that is shown whole everywhere.
    const DESCRIPTION_MAX: usize = 1_000;
    /// Longest name of an operation, a structure or a member.
    const NAME_MAX: usize = 40;
    /// Longest document.
    const DOCUMENT_MAX: usize = 100_000;
    let mut wrong = Vec::new();
    let mut walk = vec![(String::new(), document)];
    while let Some((place, value)) = walk.pop() {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let here = format!("{place}/{key}");
                    let named = place.ends_with("/properties") || place.ends_with("/schemas");
                    let is_name = key.len() <= NAME_MAX
                        && key.starts_with(|c: char| c.is_ascii_alphabetic())
                        && !key.ends_with('_')
                        && !key.contains("__")
                        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                    if named && !is_name {
                        wrong.push(format!("{here}: no name for a class or a member"));
                    }
                    if !named && ["oneOf", "anyOf", "allOf", "not", "discriminator"].contains(&key.as_str()) {
                        wrong.push(format!("{here}: composition"));
                    }
                    let too_long = |v: &Value| v.as_str().is_some_and(|v| v.len() > DESCRIPTION_MAX);
                    if ["description", "summary"].contains(&key.as_str()) && too_long(value) {
                        wrong.push(format!("{here}: longer than {DESCRIPTION_MAX}"));
                    }
                    if key == "type" && !named && !value.is_string() {
                        wrong.push(format!("{here}: a list of types"));
                    }
                    let media = ["application/json", "application/problem+json", "text/plain"];
                    if place.ends_with("/content") && !media.contains(&key.as_str()) {
                        wrong.push(format!("{here}: a type of body that it does not know"));
                    }
                    if key == "items" && !named && value["type"] == "array" {
                        wrong.push(format!("{here}: a list of lists"));
                    }
                    walk.push((here, value));
                }
            }
            Value::Array(list) => {
                walk.extend(list.iter().enumerate().map(|(n, v)| (format!("{place}/{n}"), v)));
            }
            _ => {}
        }
    }
    if document.to_string().len() > DOCUMENT_MAX {
        wrong.push(format!("longer than {DOCUMENT_MAX}"));
    }
    let mut ids = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let plain =
                id.chars().all(|c| c.is_ascii_alphanumeric()) && !id.is_empty() && id.len() <= NAME_MAX;
            if !plain || !ids.insert(id) {
                wrong.push(format!("{method} {path}: operationId `{id}`"));
            }
            if method == "get" && operation.get("requestBody").is_some() {
                wrong.push(format!("{method} {path}: a GET with a body"));
            }
            for (status, answer) in operation["responses"].as_object().unwrap() {
                if answer.get("headers").is_some() {
                    wrong.push(format!("{method} {path} {status}: header fields of an answer"));
                }
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crm_takes_the_document() {
        let found = stumbles(&document());
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    #[test]
    fn the_lint_finds_what_it_looks_for() {
        for (pointer, value) in [
            ("/components/schemas/Reason/properties/code", json!({ "oneOf": [] })),
            ("/components/schemas/Reason/description", json!("x".repeat(1_001))),
            ("/paths/~1v1~1whoami/get/operationId", json!("askGate")),
            ("/components/schemas/Reason/properties/code/type", json!(["string", "null"])),
            ("/paths/~1v1~1export/get/responses/200/content", json!({ "text/csv": {} })),
        ] {
            let mut document = document();
            *document.pointer_mut(pointer).unwrap() = value;
            assert!(!stumbles(&document).is_empty(), "{pointer}");
        }
    }

    #[test]
    fn each_reference_leads_somewhere() {
        let text = document().to_string();
        let names = text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
        let document = document();
        for name in names {
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }
}
