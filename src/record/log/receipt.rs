//! Statements signed with the log's key as JWT (RFC 7519) in JWS compact form (RFC 7515 §3.1) with EdDSA (RFC 8037).
//!
//! The key also signs heads of the log. The two cannot be taken for each other: a head holds line feeds, and what a JWS
//! signs is base64url and one dot.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};

use super::note::{NoteError, Signer, check_verifier};

/// The type of our receipts (RFC 8725 §3.11): no other token is one.
const TYPE: &str = "endorsed-receipt+jwt";

/// Signs claims.
///
/// # Errors
/// When the key cannot sign.
pub fn sign_claims(signer: &Signer, claims: &Value) -> Result<String, NoteError> {
    let head = json!({ "alg": "EdDSA", "typ": TYPE, "kid": key_name(signer.verifier()) });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&head), part(claims));
    let signature = signer.sign(text.as_bytes())?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The claims of a receipt that this log signed (`verifier`: `NAME+ID+BASE64`). Whether it is still good is in `exp`.
///
/// # Errors
/// When it is no receipt, or the signature is not the log's.
pub fn open_claims(receipt: &str, verifier: &str) -> Result<Value, NoteError> {
    let bad = |why: &str| NoteError(format!("no receipt of this log: {why}"));
    let name = check_verifier(verifier)?;
    let mut parts = receipt.trim().split('.');
    let (Some(head), Some(body), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad("expected three parts with dots between them"));
    };
    let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| bad("a part is not base64url"));
    let value = |text: &str| -> Result<Value, NoteError> {
        serde_json::from_slice(&octets(text)?).map_err(|_| bad("a part is not JSON"))
    };
    let fields = value(head)?;
    if fields.get("alg") != Some(&json!("EdDSA")) || fields.get("typ") != Some(&json!(TYPE)) {
        return Err(bad("its header names another type or algorithm"));
    }
    let signature =
        Signature::from_slice(&octets(signature)?).map_err(|_| bad("its signature is too short"))?;
    let key = VerifyingKey::from_bytes(&public_key(verifier)?).map_err(|_| bad("the key is no point"))?;
    key.verify_strict(format!("{head}.{body}").as_bytes(), &signature)
        .map_err(|_| bad("the signature does not fit"))?;
    let claims = value(body)?;
    if claims.get("iss") != Some(&json!(name)) {
        return Err(bad("another log issued it"));
    }
    Ok(claims)
}

/// The log's public key as a JWK Set (RFC 7517 §5).
///
/// # Errors
/// When `verifier` is not `NAME+ID+BASE64`.
pub fn key_set(verifier: &str) -> Result<Value, NoteError> {
    let x = URL_SAFE_NO_PAD.encode(public_key(verifier)?);
    let kid = key_name(verifier);
    Ok(json!({ "keys": [{
        "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA", "use": "sig",
    }] }))
}

/// `NAME+ID`.
fn key_name(verifier: &str) -> &str {
    verifier.rsplit_once('+').map_or(verifier, |(name, _)| name)
}

/// C2SP signed-note: base64 of a byte for the algorithm and the key. Base64 itself may hold a `+`.
fn public_key(verifier: &str) -> Result<[u8; 32], NoteError> {
    let octets = verifier.splitn(3, '+').nth(2).and_then(|text| STANDARD.decode(text.trim()).ok());
    octets
        .and_then(|octets| octets.split_first().and_then(|(_, key)| key.try_into().ok()))
        .ok_or_else(|| NoteError("no verifier key `NAME+ID+BASE64`".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_holds_for_its_log_and_for_no_other_words() {
        let signer = Signer::new("a.example/log", &[7; 32]).unwrap();
        let claims = json!({ "iss": "a.example/log", "sub": "OPP-1", "allowed": false });
        let receipt = sign_claims(&signer, &claims).unwrap();
        assert_eq!(open_claims(&receipt, signer.verifier()).unwrap(), claims);
        let other = Signer::new("a.example/log", &[8; 32]).unwrap();
        assert!(open_claims(&receipt, other.verifier()).is_err());
        let [head, _, signature] = receipt.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let forged = URL_SAFE_NO_PAD
            .encode(json!({ "iss": "a.example/log", "sub": "OPP-1", "allowed": true }).to_string());
        assert!(open_claims(&format!("{head}.{forged}.{signature}"), signer.verifier()).is_err());
        let none = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": TYPE }).to_string());
        assert!(open_claims(&format!("{none}.{forged}."), signer.verifier()).is_err());
        assert!(
            open_claims("", signer.verifier()).is_err() && open_claims("a.b.c.d", signer.verifier()).is_err()
        );
        let set = key_set(signer.verifier()).unwrap();
        assert_eq!(set["keys"][0]["x"].as_str().unwrap().len(), 43);
    }
}
