//! The headers that prove where a delivery comes from. Pure: the same input gives the same headers.
//!
//! Every delivery carries the headers of the Standard Webhooks specification
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>). The receivers of a
//! dialect may check other headers. The dialect describes those headers as data, in a [`Signature`].

mod release_0_1_0;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::time::Timestamp;
use domain::{PreviousSecret, Secret, hex};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Sha256, Sha512};

/// The headers that a dialect adds to the three Standard Webhooks headers. The default adds none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "release_0_1_0::AnyRelease")]
pub struct Signature {
    /// Repeats the three headers under another prefix: `svix` adds `svix-id`, `svix-timestamp` and `svix-signature`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_as: Option<String>,
    /// The dialect's own signature, in a header of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnSignature>,
}

/// A dialect's own signature, in a header of its own. The HMAC key is the bytes of the whole secret, `whsec_` included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSignature {
    /// The header's name, if the webhook names none.
    pub header: String,
    /// The algorithm of the signature.
    pub algorithm: Algorithm,
    /// How the signature's bytes become text.
    pub encoding: Encoding,
    /// The signed parts, in this order and without separators.
    pub signed: Vec<SignedPart>,
    /// Precedes the signature in the header, such as `sha256=`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// A header name in lower case, and the prefix to use if the webhook names that header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix_in: Option<(String, String)>,
    /// A header for the timestamp, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_header: Option<String>,
}

/// A message authentication code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Algorithm {
    HmacSha256,
    HmacSha512,
}

/// How a signature's bytes become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Base64 with padding.
    Base64,
}

/// A part of the signed content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedPart {
    /// The `webhook-id`.
    Id,
    /// The time of the attempt, in Unix seconds.
    Timestamp,
    /// The raw body.
    Body,
    /// A fixed text.
    Text(String),
}

/// The signature, secrets and header of one attempt.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The dialect's signature.
    pub signature: &'a Signature,
    /// The current secret.
    pub secret: &'a Secret,
    /// Secrets from before a rotation. Until their `valid_until`, `webhook-signature` has a signature made with each of
    /// them, too.
    pub previous: &'a [PreviousSecret],
    /// The header that the webhook names for the dialect's signature.
    pub header: Option<&'a str>,
}

/// A header's name and value.
pub type Header = (String, String);

/// The headers that sign `body` for one attempt made `now`. `id` is the same on every attempt.
#[must_use]
pub fn headers(signer: Signer<'_>, id: &str, now: Timestamp, body: &[u8]) -> Vec<Header> {
    let timestamp = now.seconds().to_string();
    let mut signature = standard_signature(signer.secret, id, &timestamp, body);
    for previous in signer.previous.iter().filter(|previous| now < previous.valid_until) {
        signature.push(' ');
        signature.push_str(&standard_signature(&previous.secret, id, &timestamp, body));
    }
    let mut headers = Vec::new();
    if let Some(own) = &signer.signature.own {
        headers.extend(own_headers(own, signer, (id, &timestamp, body)));
    }
    // The Standard Webhooks headers come last, so that no other header can replace them.
    for prefix in signer.signature.repeat_as.iter().map(String::as_str).chain(["webhook"]) {
        headers.extend([
            (format!("{prefix}-id"), id.to_owned()),
            (format!("{prefix}-timestamp"), timestamp.clone()),
            (format!("{prefix}-signature"), signature.clone()),
        ]);
    }
    headers
}

fn own_headers(own: &OwnSignature, signer: Signer<'_>, (id, timestamp, body): (&str, &str, &[u8])) -> Vec<Header> {
    let parts = own.signed.iter().map(|part| match part {
        SignedPart::Id => id.as_bytes(),
        SignedPart::Timestamp => timestamp.as_bytes(),
        SignedPart::Body => body,
        SignedPart::Text(text) => text.as_bytes(),
    });
    let parts: Vec<&[u8]> = parts.collect();
    let key = signer.secret.expose().as_bytes();
    let mac = match own.algorithm {
        Algorithm::HmacSha256 => hmac_sha256(key, &parts).to_vec(),
        Algorithm::HmacSha512 => hmac_sha512(key, &parts).to_vec(),
    };
    let text = match own.encoding {
        Encoding::Hex => hex(&mac),
        Encoding::Base64 => STANDARD.encode(mac),
    };
    let name = signer.header.unwrap_or(&own.header);
    let other = own.prefix_in.as_ref().filter(|(header, _)| name.eq_ignore_ascii_case(header));
    let prefix = other.map_or(&own.prefix, |(_, prefix)| prefix);
    let timestamp_header = own.timestamp_header.iter().map(|name| (name.clone(), timestamp.to_owned()));
    timestamp_header.chain([(name.to_owned(), format!("{prefix}{text}"))]).collect()
}

fn standard_signature(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mac = hmac_sha256(&standard_key(secret), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
    format!("v1,{}", STANDARD.encode(mac))
}

/// The bytes that the base64 after `whsec_` encodes. If the secret has another form, the key is the secret's own bytes.
fn standard_key(secret: &Secret) -> Vec<u8> {
    secret
        .expose()
        .strip_prefix("whsec_")
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        // With an empty key, anybody could sign.
        .filter(|key| !key.is_empty())
        .unwrap_or_else(|| secret.expose().as_bytes().to_vec())
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().fold(mac, |mac, part| mac.chain_update(part)).finalize().into_bytes().into()
}

fn hmac_sha512(key: &[u8], parts: &[&[u8]]) -> [u8; 64] {
    #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().fold(mac, |mac, part| mac.chain_update(part)).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_614_265_330_000);
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn value<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
        headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    fn sign(signature: &Signature, secret: &str, previous: &[PreviousSecret]) -> Vec<Header> {
        let signer = Signer { signature, secret: &Secret::new(secret.to_owned()), previous, header: None };
        headers(signer, "msg_p5jXN8AQM9LWM0D4loKWxJek", NOW, BODY)
    }

    /// A test vector of the specification's own libraries.
    #[test]
    fn standard_signature_is_that_of_the_specification() {
        let headers = sign(&Signature::default(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &[]);
        assert_eq!(value(&headers, "webhook-id"), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        assert_eq!(value(&headers, "webhook-timestamp"), Some("1614265330"));
        assert_eq!(value(&headers, "webhook-signature"), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    fn own(signed: &[SignedPart]) -> OwnSignature {
        OwnSignature {
            header: "X-Default".to_owned(),
            algorithm: Algorithm::HmacSha256,
            encoding: Encoding::Hex,
            signed: signed.to_vec(),
            prefix: String::new(),
            prefix_in: None,
            timestamp_header: None,
        }
    }

    /// `printf '1614265330.{"test": 2432232314}' | openssl dgst -sha256 -hmac whsec_abc`
    #[test]
    fn own_signature_is_keyed_with_the_whole_secret() {
        let own = OwnSignature {
            prefix: "sha256=".to_owned(),
            timestamp_header: Some("X-Time".to_owned()),
            ..own(&[SignedPart::Timestamp, SignedPart::Text(".".to_owned()), SignedPart::Body])
        };
        let headers = sign(&Signature { own: Some(own), repeat_as: None }, "whsec_abc", &[]);
        assert_eq!(value(&headers, "X-Time"), Some("1614265330"));
        assert_eq!(
            value(&headers, "X-Default"),
            Some("sha256=3075f08702f794f559658202f591dbeb734f6e037e13281e23556c79588c3a64")
        );
    }

    /// `printf '{"test": 2432232314}' | openssl dgst -sha256 -hmac whsec_abc`
    #[test]
    fn own_signature_is_in_the_header_that_the_webhook_names() {
        let mac = "36f8233e04a962ad3f0de524ec1457d159f4cec507331a5b6150da1cd0d048b0";
        let own = OwnSignature {
            prefix_in: Some(("x-hub-signature-256".to_owned(), "sha256=".to_owned())),
            ..own(&[SignedPart::Body])
        };
        let (signature, secret) = (Signature { own: Some(own), repeat_as: None }, Secret::new("whsec_abc".to_owned()));
        for (header, name, expected) in [
            (None, "X-Default", mac.to_owned()),
            (Some("X-Chosen"), "X-Chosen", mac.to_owned()),
            (Some("X-Hub-Signature-256"), "X-Hub-Signature-256", format!("sha256={mac}")),
        ] {
            let signer = Signer { signature: &signature, secret: &secret, previous: &[], header };
            let signed = headers(signer, "id", NOW, BODY);
            assert_eq!(value(&signed, name), Some(expected.as_str()));
            assert_eq!(signed.len(), 4);
        }
    }

    /// `printf 'msg_p5jXN8AQM9LWM0D4loKWxJek{"test": 2432232314}' | openssl dgst -sha512 -hmac whsec_abc -binary | base64 -w0`
    #[test]
    fn a_dialect_may_use_another_algorithm_and_encoding() {
        let own = OwnSignature {
            algorithm: Algorithm::HmacSha512,
            encoding: Encoding::Base64,
            ..own(&[SignedPart::Id, SignedPart::Body])
        };
        let headers = sign(&Signature { own: Some(own), repeat_as: None }, "whsec_abc", &[]);
        assert_eq!(
            value(&headers, "X-Default"),
            Some("fHEtsQ0JZWRRJqXfKxW7AIXu5g4UbhDRecO6HGsy3AnCsn4c9m4vnrDgiHByGY969I0toQB6+WCwa/CBZJkW7w==")
        );
    }

    #[test]
    fn standard_headers_are_repeated_under_another_prefix() {
        let signed = sign(&Signature { repeat_as: Some("svix".to_owned()), own: None }, "whsec_abc", &[]);
        for part in ["id", "timestamp", "signature"] {
            assert_eq!(value(&signed, &format!("svix-{part}")), value(&signed, &format!("webhook-{part}")));
        }
        assert_eq!(signed.len(), 6);
    }

    #[test]
    fn an_old_secret_signs_too_until_it_ends() {
        let old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let previous = |valid_until| PreviousSecret { secret: Secret::new(old.clone()), valid_until };
        let both = sign(&Signature::default(), "whsec_abc", &[previous(Timestamp::from_millis(NOW.millis() + 1))]);
        let both = value(&both, "webhook-signature").unwrap().to_owned();
        assert_eq!(both.split(' ').nth(1), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        let ended = sign(&Signature::default(), "whsec_abc", &[previous(NOW)]);
        assert_eq!(value(&ended, "webhook-signature"), both.split(' ').next());
    }

    #[test]
    fn a_secret_that_is_no_base64_is_its_own_key() {
        assert_eq!(standard_key(&Secret::new("plain text".to_owned())), b"plain text");
        assert_eq!(standard_key(&Secret::new("whsec_not base64".to_owned())), b"whsec_not base64");
        assert_eq!(standard_key(&Secret::new("whsec_AQID".to_owned())), [1, 2, 3]);
        assert_eq!(standard_key(&Secret::new("whsec_".to_owned())), b"whsec_");
    }
}
