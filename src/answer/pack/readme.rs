//! How to check a pack without this program.

use super::Material;

/// The text of README.txt.
pub fn readme(material: &Material<'_>) -> String {
    let report = &material.answer.report;
    let (_, verifier) = material.head;
    let name = verifier.split('+').next().unwrap_or_default();
    format!(
        "Pack of {opportunity}: {standing}
Log: {name}

What is here
  index.html              the same for people; it proves nothing by itself
  answer.json             standing, readings with the spans of the words that decided, and the reasons
  mail/SHA256.eml         the mails, octet by octet as they came
  entries/N.json          entries of the log: what was seen, read, looked up (DKIM key records), answered
  entries/N.salt          32 random octets that were hashed before the entry (entries of version 2)
  entries/N.leaf          what the log holds of the entry
  entries/N.tlog-proof    that it does (C2SP tlog-proof; RFC 6962 section 2.1.1)
  checkpoint              the signed head of the log (C2SP tlog-checkpoint and signed-note, Ed25519)
  log.vkey                the key that checks it
  rules/                  the rule files, when the mail was read with those that are in use
  manifest.json           SHA-256 of every other file

Check everything at once (python3, `pip install dkimpy pynacl`; read the script, it has 80 lines)
  python3 verify_pack.py .
With the program
  endorsed verify PACK --key '{verifier}'

Check by hand
  1. A mail is the one that was seen:
       sha256sum mail/*.eml
  2. An entry makes its leaf: the digest must be the commitment in entries/N.leaf
       cat entries/N.salt entries/N.json | sha256sum      (without N.salt when there is none)
  3. The head is signed: split note and signature, then ask openssl
       sed '/^$/,$d' checkpoint > note
       tail -n 1 checkpoint | cut -d' ' -f3 | base64 -d | tail -c 64 > signature
       (printf '302a300506032b6570032100' | xxd -r -p; cut -d+ -f3- log.vkey | base64 -d | tail -c 32) > key.der
       openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in note -sigfile signature
  4. The leaf is in the log: RFC 9162 section 2.1.3.2 with the path in entries/N.tlog-proof, over SHA-256(0x00 || leaf)
  5. The mail was signed by the sender's domain: any DKIM verifier (RFC 6376), with the key record in the entries of
     kind `key`; it may be gone from DNS by now

What this does not prove
  The key record is what we saw in DNS at the time: compare it with what the domain publishes, or published.
  The key in log.vkey is ours: compare it with one that you got before, in another way. Whoever holds a head of the
  log from earlier (in the CRM, in the mail of every day) can prove that nothing was changed since:
       endorsed verify --seen SIZE:ROOT
",
        opportunity = report.opportunity,
        standing = report.standing.as_str(),
    )
}
