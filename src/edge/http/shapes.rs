//! The structures of requests and answers: what the OpenAPI document promises of them. Answers may hold more; what is
//! promised here stays.

use super::shape::{Field, Kind, Shape, may, must};

/// An opportunity's id.
pub const OPPORTUNITY: Kind = Kind::Pattern("^[A-Za-z0-9._-]*[0-9][A-Za-z0-9._-]*$", 64);
/// A gate's or a stage's name.
pub const STAGE: Kind = Kind::Text(200);
/// Why somebody did something.
pub const REASON: Kind = Kind::Text(1_000);

const STANDINGS: Kind = Kind::Word(&[
    "no_declaration",
    "awaiting_reply",
    "confirmed",
    "conditional",
    "partial",
    "deferred",
    "declined",
    "retracted",
    "needs_review",
]);

/// A reason of an answer.
pub const REASON_SHAPE: Shape = Shape {
    name: "Reason",
    about: "Why, and what somebody can do about it.",
    fields: &[
        must("code", Kind::Open, "Stable code, e.g. `conditional_open`. New codes may come."),
        must("text", Kind::Open, "One plain sentence."),
        may("fix", Kind::Open, "One plain sentence: what to do."),
        may("rule", Kind::Open, "The rule that said so."),
    ],
};

const CRITERIA: Shape = Shape {
    name: "Criteria",
    about: "The declared criteria in numbers.",
    fields: &[
        must("total", Kind::Count, "Declared criteria."),
        must("declared_passed", Kind::Count, "Declared as passed."),
        must("confirmed", Kind::Count, "Confirmed in writing by everybody who must."),
        may("seen", Kind::Open, "`quoted` when the reply quotes the criteria."),
    ],
};

const ENDORSER: Shape = Shape {
    name: "Endorser",
    about: "Somebody who must endorse, and where that person stands.",
    fields: &[
        must("role", Kind::Open, "Role in the evaluation."),
        must("who", Kind::Open, "Mail address."),
        must("standing", STANDINGS, "Where this person stands."),
    ],
};

const EVIDENCE: Shape = Shape {
    name: "Evidence",
    about: "A message that counts, in the champion's own words.",
    fields: &[
        must("id", Kind::Open, "Short id."),
        may("message_id", Kind::Open, "Message-ID in angle brackets."),
        must("sha256", Kind::Open, "Digest of the stored copy."),
        must("verified", Kind::Bool, "Whether the author is verified."),
        must("quote", Kind::Open, "The sentence that carries the verdict."),
        may("accepted_by", Kind::Open, "Who read it so, when the machine did not."),
    ],
};

/// Members of a gate's answer.
pub const GATE: Shape = Shape {
    name: "GateAnswer",
    about: "Whether the opportunity may move. Take everything but `allowed: true` for a no, errors too.",
    fields: &[
        must("opportunity", Kind::Open, "Which opportunity."),
        must("to", Kind::Open, "Which gate or stage."),
        must("allowed", Kind::Bool, "Whether it may pass."),
        must("standing", STANDINGS, "Where the opportunity stands."),
        must("as_of", Kind::Time, "When this was computed."),
        must("fresh", Kind::Bool, "Whether the mailbox was read lately."),
        must("reasons", Kind::List(&Kind::Of(&REASON_SHAPE)), "Why, the weightiest first."),
        must("criteria", Kind::Of(&CRITERIA), "Criteria in numbers."),
        must("endorsers", Kind::List(&Kind::Of(&ENDORSER)), "Who must endorse."),
        must("evidence", Kind::List(&Kind::Of(&EVIDENCE)), "The messages that count."),
        must("policy", Kind::Open, "Policy file and the start of its digest."),
        must("url", Kind::Open, "Where a person finds more."),
        may("log_size", Kind::Count, "Entries of the signed log that the answer rests on."),
        may("log_root", Kind::Open, "The root over them."),
        may("receipt", Kind::Open, "The answer as a signed statement (JWT, EdDSA), when asked for."),
    ],
};

/// What `POST /v1/gate` takes.
pub const GATE_ORDER: Shape = Shape {
    name: "GateOrder",
    about: "The question whose answer is recorded.",
    fields: &[
        must("opportunity", OPPORTUNITY, "Which opportunity."),
        must("to", STAGE, "Which gate or stage."),
        may("receipt", Kind::Bool, "Also give the answer as a signed statement."),
    ],
};

const ROW: Shape = Shape {
    name: "OpportunityRow",
    about: "An opportunity in a list.",
    fields: &[
        must("opportunity", Kind::Open, "Which one."),
        must("standing", STANDINGS, "Where it stands."),
        may("reason", Kind::Open, "Code of the weightiest reason."),
        may("quote", Kind::Open, "The champion's words."),
        must("confirmed", Kind::Count, "Criteria confirmed."),
        must("total", Kind::Count, "Criteria declared."),
        may("accepted_by", Kind::Open, "Who decided what the standing rests on."),
    ],
};

/// A page of opportunities.
pub const ROWS: Shape = Shape {
    name: "OpportunityPage",
    about: "A page of opportunities, ordered by id.",
    fields: &[
        must("opportunities", Kind::List(&Kind::Of(&ROW)), "The rows."),
        must(
            "unlinked",
            Kind::List(&Kind::Of(&MESSAGE)),
            "Declarations that name no opportunity; on the first page.",
        ),
        may("next", Kind::Open, "Give this as `after` for the next page; null on the last one."),
    ],
};

const MESSAGE: Shape = Shape {
    name: "Message",
    about: "One mail, and what was made of it.",
    fields: &[
        must("sha256", Kind::Open, "Digest of the stored copy."),
        may("message_id", Kind::Open, "Message-ID without angle brackets."),
        may("from", Kind::Open, "Author's address."),
        must("kind", Kind::Open, "declaration, reply, automatic, forward, orphan or other."),
        may("opportunity", Kind::Open, "The opportunity it names."),
        may("verdict", Kind::Open, "What was said."),
        must("sure", Kind::Bool, "Whether the rules stand behind the verdict."),
        must("quote", Kind::Open, "The sentence that carries it."),
        may("authorship", Kind::Open, "Who said it."),
        must("endorsed", Kind::Bool, "Whether it is a verified written endorsement."),
        must("fresh_text", Kind::Open, "What the person typed."),
        must("reasons", Kind::List(&Kind::Of(&REASON_SHAPE)), "The trail."),
    ],
};

const DONE: Shape = Shape {
    name: "Decision",
    about: "What a person did.",
    fields: &[
        must("name", Kind::Open, "Its name, for an undo."),
        must("by", Kind::Open, "Who."),
        must("at", Kind::Time, "When."),
        must("reason", Kind::Open, "Why."),
        must("did", Kind::Open, "What, in words."),
        must("undone", Kind::Bool, "Whether it was taken back."),
    ],
};

/// One opportunity.
pub const OPPORTUNITY_SHAPE: Shape = Shape {
    name: "Opportunity",
    about: "Everything about one opportunity.",
    fields: &[
        must("opportunity", Kind::Open, "Which one."),
        must("standing", STANDINGS, "Where it stands."),
        must("verified_standing", STANDINGS, "Where it stands without what people decided."),
        must("reasons", Kind::List(&Kind::Of(&REASON_SHAPE)), "Why, the weightiest first."),
        must("criteria", Kind::Of(&CRITERIA), "Criteria in numbers."),
        must("endorsers", Kind::List(&Kind::Of(&ENDORSER)), "Who must endorse."),
        must("evidence", Kind::List(&Kind::Of(&EVIDENCE)), "The messages that count."),
        must("messages", Kind::List(&Kind::Of(&MESSAGE)), "Every message, oldest first."),
        may("acts", Kind::List(&Kind::Of(&DONE)), "What people did, oldest first."),
    ],
};

const STATED: Shape = Shape {
    name: "StatedFact",
    about: "What somebody stated.",
    fields: &[
        must("id", Kind::Open, "Which fact."),
        must("at", Kind::Time, "When."),
        must("value", Kind::Word(&["yes", "no"]), "What."),
        must("by", Kind::Open, "Who."),
        must("reason", Kind::Open, "Why, or the words of the mail."),
        may("act", Kind::Open, "Name of the act, for an undo."),
        may("message_id", Kind::Open, "Message-ID of the mail."),
    ],
};

const FACT: Shape = Shape {
    name: "Fact",
    about: "A fact that gates ask for.",
    fields: &[
        must("id", Kind::Open, "Its name."),
        must("text", Kind::Open, "The question."),
        may("stated_by", Kind::Open, "Who may state it, in words."),
        must("gates", Kind::List(&Kind::Open), "The gates that ask for it."),
        must("stands", Kind::Word(&["yes", "no", "unstated"]), "The word that counts."),
        must(
            "statements",
            Kind::List(&Kind::Of(&STATED)),
            "Everything that was stated; the word that counts first.",
        ),
    ],
};

/// The facts of an opportunity.
pub const FACTS: Shape = Shape {
    name: "FactList",
    about: "The facts of an opportunity.",
    fields: &[
        must("opportunity", Kind::Open, "Which opportunity."),
        must("facts", Kind::List(&Kind::Of(&FACT)), "The facts."),
    ],
};

/// A statement.
pub const FACT_ORDER: Shape = Shape {
    name: "FactOrder",
    about: "What is stated.",
    fields: &[must("value", Kind::Word(&["yes", "no"]), "What."), must("reason", REASON, "Why.")],
};

const REVIEW: Shape = Shape {
    name: "ReviewItem",
    about: "A mail that waits for a person.",
    fields: &[
        must("message", Kind::Of(&MESSAGE), "The mail."),
        may("opportunity", Kind::Open, "The opportunity it belongs to."),
        may("standing", Kind::Open, "Where that stands."),
        must("state", Kind::Open, "open, asked, waiting, decided or settled."),
        must("at", Kind::Time, "When it was written, or else seen."),
        must("why", Kind::List(&Kind::Of(&REASON_SHAPE)), "Why a person must look."),
        must("decisions", Kind::List(&Kind::Of(&DONE)), "What people decided about it."),
    ],
};

/// A page of the review queue.
pub const REVIEWS: Shape = Shape {
    name: "ReviewPage",
    about: "What waits for a person, oldest first.",
    fields: &[
        must("items", Kind::List(&Kind::Of(&REVIEW)), "The mails."),
        may("next", Kind::Open, "Give this as `after` for the next page; null on the last one."),
    ],
};

/// Members that say which mail is meant.
const COPY: Field = may(
    "copy",
    Kind::Pattern("^[0-9a-f]{4,64}$", 64),
    "Start of the copy's sha256, when several contents came under the Message-ID.",
);

/// A decision.
pub const DECIDE: Shape = Shape {
    name: "DecisionOrder",
    about: "What a person decides about a mail. It is shown as accepted by the caller, never as verified.",
    fields: &[
        must("decision", Kind::Word(&["accept", "reject", "not_about", "ask_se", "clear"]), "What."),
        may(
            "verdict",
            Kind::Word(&["confirmed", "conditional", "deferred", "declined", "retracted"]),
            "With `accept`: what it says; without it the rules' best guess.",
        ),
        may(
            "speaks_for",
            Kind::Text(254),
            "With `accept`: the champion it speaks for, when that is not its author.",
        ),
        may("opportunity", OPPORTUNITY, "For mail that bears on several opportunities."),
        must("reason", REASON, "Why."),
        COPY,
    ],
};

/// A link.
pub const LINK: Shape = Shape {
    name: "LinkOrder",
    about: "To which opportunity a declaration belongs that names none.",
    fields: &[must("opportunity", OPPORTUNITY, "The opportunity."), must("reason", REASON, "Why."), COPY],
};

/// An undo.
pub const UNDO: Shape =
    Shape { name: "UndoOrder", about: "Takes an act back.", fields: &[must("reason", REASON, "Why.")] };

/// An amount.
pub const AMOUNT: Shape = Shape {
    name: "AmountOrder",
    about: "The opportunity's amount.",
    fields: &[
        must("amount", Kind::Whole(0, 1_000_000_000_000), "Whole units of the CRM's currency."),
        must("reason", REASON, "Why, e.g. `CRM sync`."),
    ],
};

/// An act that was recorded.
pub const ACT: Shape = Shape {
    name: "ActDone",
    about: "The act is on record.",
    fields: &[
        must("act", Kind::Open, "Its name, for an undo."),
        must("text", Kind::Open, "What it means now."),
        may("standing", Kind::Open, "Where the opportunity stands now."),
    ],
};

const EVENT: Shape = Shape {
    name: "Event",
    about: "Something that happened. Members that say nothing of a type are missing.",
    fields: &[
        must("id", Kind::Count, "Its place in the log, from 1. Give the last one as `after`."),
        must("type", Kind::Open, "e.g. `message.considered`. New types may come."),
        may("at", Kind::Time, "When."),
        may("opportunity", Kind::Open, "The opportunity that it names, or the first of `opportunities`."),
        may("opportunities", Kind::List(&Kind::Open), "All opportunities that it bears on."),
        may("message_id", Kind::Open, "Message-ID."),
        may("sha256", Kind::Open, "Digest of the copy."),
        may("kind", Kind::Open, "What the mail is."),
        may("verdict", Kind::Open, "What was said."),
        may("sure", Kind::Bool, "Whether the rules stand behind it."),
        may("authorship", Kind::Open, "Who said it."),
        may("endorsed", Kind::Bool, "Whether it is a verified written endorsement."),
        may("by", Kind::Open, "Who did it."),
        may("did", Kind::Open, "What, in words."),
        may("to", Kind::Open, "Which gate was asked."),
        may("allowed", Kind::Bool, "What it answered."),
    ],
};

/// A page of events.
pub const EVENTS: Shape = Shape {
    name: "EventPage",
    about: "What happened, oldest first.",
    fields: &[
        must("events", Kind::List(&Kind::Of(&EVENT)), "The events."),
        must(
            "next",
            Kind::Count,
            "Give this as `after` for what comes next, whether this page was empty or not.",
        ),
        must("more", Kind::Bool, "Whether there is more already."),
    ],
};

/// Who asks.
pub const WHO: Shape = Shape {
    name: "Who",
    about: "As whom this server sees the caller.",
    fields: &[must("name", Kind::Open, "The name."), must("role", Kind::Open, "The role.")],
};

/// Is the daemon alive?
pub const HEALTH: Shape = Shape {
    name: "Health",
    about: "The daemon answers.",
    fields: &[
        must("ok", Kind::Bool, "Always true."),
        must("size", Kind::Count, "Entries in the log."),
        must("waiting", Kind::Count, "Messages not considered yet."),
        must("fresh", Kind::Bool, "Whether every mailbox was read lately."),
    ],
};

const DEAD: Shape = Shape {
    name: "DeadEvent",
    about: "An event that a receiver refused until it was given up.",
    fields: &[
        must("event", Kind::Count, "Its id."),
        may("opportunity", Kind::Open, "Its opportunity."),
        must("attempts", Kind::Count, "How often it was tried."),
        must("error", Kind::Open, "What the receiver said."),
        must("at", Kind::Time, "When it would have been tried again."),
    ],
};

const WEBHOOK: Shape = Shape {
    name: "Webhook",
    about: "How a webhook stands.",
    fields: &[
        must("name", Kind::Open, "Its name."),
        must("url", Kind::Open, "Where it goes."),
        must("read", Kind::Count, "Entries of the log that were read for it."),
        must("behind", Kind::Count, "Entries that were not read yet."),
        must("waiting", Kind::Count, "Events that wait to be taken."),
        may("paused_until", Kind::Time, "When the receiver is tried again."),
        may("error", Kind::Open, "What it said last."),
        must("dead", Kind::List(&Kind::Of(&DEAD)), "What was given up."),
    ],
};

/// All webhooks.
pub const WEBHOOKS: Shape = Shape {
    name: "WebhookList",
    about: "How each webhook stands.",
    fields: &[must("webhooks", Kind::List(&Kind::Of(&WEBHOOK)), "The webhooks.")],
};

/// What to send again.
pub const RETRY: Shape = Shape {
    name: "RetryOrder",
    about: "Which events are sent again.",
    fields: &[may("event", Kind::Whole(1, i64::MAX as u64), "One event; all of them without it.")],
};

/// Something was done.
pub const SETTLED: Shape = Shape {
    name: "Settled",
    about: "It was done.",
    fields: &[must("text", Kind::Open, "One plain sentence.")],
};

const KEY: Shape = Shape {
    name: "Key",
    about: "A public key (RFC 7517, RFC 8037).",
    fields: &[
        must("kty", Kind::Open, "OKP."),
        must("crv", Kind::Open, "Ed25519."),
        must("x", Kind::Open, "The key, base64url."),
        must("kid", Kind::Open, "Its name."),
        must("alg", Kind::Open, "EdDSA."),
        must("use", Kind::Open, "sig."),
    ],
};

/// The keys that check receipts.
pub const KEYS: Shape = Shape {
    name: "Keys",
    about: "The keys that check receipts (JWK Set).",
    fields: &[must("keys", Kind::List(&Kind::Of(&KEY)), "The keys.")],
};

const IMPORT_CHANGE: Shape = Shape {
    name: "ImportChange",
    about: "What a row changes.",
    fields: &[
        must("line", Kind::Count, "Line of the file, from 1."),
        must("opportunity", Kind::Open, "The opportunity."),
        must("changes", Kind::List(&Kind::Open), "What changes, in words."),
    ],
};

const IMPORT_NOTE: Shape = Shape {
    name: "ImportNote",
    about: "What is to be said of a row.",
    fields: &[
        must("line", Kind::Count, "Line of the file, from 1."),
        must("message", Kind::Open, "What is wrong, and what was expected."),
    ],
};

/// What an import did, or would do.
pub const IMPORTED: Shape = Shape {
    name: "Imported",
    about: "What an import did, or would do. Bad rows are left out, the others are taken. Of each list the first 100.",
    fields: &[
        must("applied", Kind::Bool, "Whether the changes are on record."),
        must("rows", Kind::Count, "Rows that were read."),
        must("unchanged", Kind::Count, "Rows that change nothing."),
        must("changed_count", Kind::Count, "Rows that change something."),
        must("bad_count", Kind::Count, "Messages about bad rows."),
        must("kept_count", Kind::Count, "Rows of which a part is left to people."),
        must("changed", Kind::List(&Kind::Of(&IMPORT_CHANGE)), "What changes."),
        must("bad", Kind::List(&Kind::Of(&IMPORT_NOTE)), "What could not be taken."),
        must("kept", Kind::List(&Kind::Of(&IMPORT_NOTE)), "What an import does not do: a person must."),
    ],
};

/// An error.
pub const PROBLEM: Shape = Shape {
    name: "Problem",
    about: "An error (RFC 9457).",
    fields: &[
        must("type", Kind::Open, "about:blank."),
        must("title", Kind::Open, "The status in words."),
        must("status", Kind::Count, "The status."),
        must("code", Kind::Open, "Stable code."),
        must("detail", Kind::Open, "One plain sentence."),
    ],
};
