//! Shapes of JSON, as the OpenAPI document shows them. Small on purpose: what a CRM's importer takes, and no more.

use serde_json::{Map, Value, json};

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text of at most so many characters.
    Text(usize),
    /// A text of this pattern (ECMA 262), and at most so many characters.
    Pattern(&'static str, usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A word of a list that may grow: code that reads it must expect others.
    Open,
    /// A whole number from – to.
    Whole(u64, u64),
    /// A count; answers only.
    Count,
    /// True or false.
    Bool,
    /// UTC, RFC 3339.
    Time,
    /// Several.
    List(&'static Kind),
    /// A structure.
    Of(&'static Shape),
}

/// A member of a structure, or a parameter.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Whether it is always there.
    pub must: bool,
    /// One or two sentences.
    pub about: &'static str,
}

/// A structure.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// One or two sentences.
    pub about: &'static str,
    /// Its members.
    pub fields: &'static [Field],
}

/// What a body holds.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// JSON of this structure.
    Json(&'static Shape),
    /// CSV (RFC 4180, UTF-8); the words say what its rows are.
    Csv(&'static str),
}

/// A member that is always there.
pub const fn must(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, must: true, about }
}

/// A member that may be missing or null.
pub const fn may(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, must: false, about }
}

impl Kind {
    /// JSON Schema as OpenAPI 3.0 takes it; structures are collected in `into`.
    pub fn schema(&self, into: &mut Map<String, Value>) -> Value {
        match self {
            Self::Text(max) => json!({ "type": "string", "minLength": 1, "maxLength": max }),
            Self::Pattern(pattern, max) => json!({ "type": "string", "pattern": pattern, "maxLength": max }),
            Self::Word(words) => json!({ "type": "string", "enum": words }),
            Self::Open => json!({ "type": "string" }),
            Self::Whole(from, to) => {
                json!({ "type": "integer", "format": "int64", "minimum": from, "maximum": to })
            }
            Self::Count => json!({ "type": "integer", "format": "int64", "minimum": 0 }),
            Self::Bool => json!({ "type": "boolean" }),
            Self::Time => json!({ "type": "string", "format": "date-time" }),
            Self::List(of) => json!({ "type": "array", "items": of.schema(into) }),
            Self::Of(shape) => {
                shape.schema(into, false);
                json!({ "$ref": format!("#/components/schemas/{}", shape.name) })
            }
        }
    }
}

impl Content {
    /// One or two sentences.
    pub fn about(&self) -> &'static str {
        match self {
            Self::Json(shape) => shape.about,
            Self::Csv(about) => about,
        }
    }

    /// The media type and its schema (OpenAPI 3.0 `content`); structures are collected in `into`. CSV is called plain text:
    /// importers of CRMs take no document that names a type which they do not know.
    pub fn schema(&self, into: &mut Map<String, Value>, is_request: bool) -> Value {
        match self {
            Self::Json(shape) => {
                shape.schema(into, is_request);
                let schema = json!({ "$ref": format!("#/components/schemas/{}", shape.name) });
                json!({ "application/json": { "schema": schema } })
            }
            Self::Csv(_) => json!({ "text/plain": { "schema": { "type": "string" } } }),
        }
    }
}

impl Shape {
    /// Adds the structure to `into`; a request's takes no other members than these.
    pub fn schema(&self, into: &mut Map<String, Value>, is_request: bool) {
        if into.contains_key(self.name) {
            return;
        }
        into.insert(self.name.to_owned(), Value::Null);
        let mut members = Map::new();
        for field in self.fields {
            let mut member = field.kind.schema(into);
            // Beside a reference OpenAPI 3.0 reads nothing else.
            if let Some(map) = member.as_object_mut().filter(|map| !map.contains_key("$ref")) {
                map.insert("description".into(), field.about.into());
                if !field.must && !is_request {
                    map.insert("nullable".into(), true.into());
                }
            }
            members.insert(field.name.to_owned(), member);
        }
        let required: Vec<&str> = self.fields.iter().filter(|f| f.must).map(|f| f.name).collect();
        let mut schema = json!({ "type": "object", "description": self.about, "properties": members });
        if let Some(map) = schema.as_object_mut() {
            if !required.is_empty() {
                map.insert("required".into(), required.into());
            }
            if is_request {
                map.insert("additionalProperties".into(), false.into());
            }
        }
        into.insert(self.name.to_owned(), schema);
    }
}
