//! The headers that prove where a delivery comes from. Pure: the same input gives the same headers.
//!
//! Every delivery carries those of the Standard Webhooks specification
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>); a [`Scheme`] adds
//! those that a dialect's receivers check.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::domain::{PreviousSecret, Secret};
use crate::time::Timestamp;

/// The signature that a dialect adds to the three Standard Webhooks headers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// None.
    Standard,
    /// `X-Webhook-Timestamp`: unix seconds; `X-Webhook-Signature`: `sha256=` and lower-case hex HMAC-SHA256 of
    /// `{timestamp}.{raw body}`, keyed with the whole secret string's bytes.
    TimestampedHex,
    /// `svix-id`, `svix-timestamp`, `svix-signature`: the values of the three under their older names.
    Svix,
    /// Lower-case hex HMAC-SHA256 of the raw body, keyed with the whole secret string's bytes, in the header that the
    /// webhook names or else in this one. In `X-Hub-Signature-256`, GitHub's, it follows `sha256=`.
    BodyHex {
        /// Where the webhook names none.
        header: String,
    },
}

/// GitHub's header, which carries its algorithm in front.
const HUB_SIGNATURE: &str = "x-hub-signature-256";

/// What one attempt is signed with.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The dialect's signature.
    pub scheme: &'a Scheme,
    /// The secret.
    pub secret: &'a Secret,
    /// Secrets before it, of which the Standard Webhooks signature is made too.
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
    let key = signer.secret.expose().as_bytes();
    let dialects = match signer.scheme {
        Scheme::Standard => Vec::new(),
        Scheme::TimestampedHex => {
            let mac = hex(&hmac_sha256(key, &[timestamp.as_bytes(), b".", body]));
            vec![
                ("x-webhook-timestamp".to_owned(), timestamp.clone()),
                ("x-webhook-signature".to_owned(), format!("sha256={mac}")),
            ]
        }
        Scheme::Svix => vec![
            ("svix-id".to_owned(), id.to_owned()),
            ("svix-timestamp".to_owned(), timestamp.clone()),
            ("svix-signature".to_owned(), signature.clone()),
        ],
        Scheme::BodyHex { header } => {
            let (name, mac) = (signer.header.unwrap_or(header), hex(&hmac_sha256(key, &[body])));
            let prefix = if name.eq_ignore_ascii_case(HUB_SIGNATURE) { "sha256=" } else { "" };
            vec![(name.to_owned(), format!("{prefix}{mac}"))]
        }
    };
    let standard = [("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp), ("webhook-signature", signature)];
    // Ours come last, so that no other can take their place.
    dialects.into_iter().chain(standard.map(|(name, value)| (name.to_owned(), value))).collect()
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

fn standard_signature(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mac = hmac_sha256(&standard_key(secret), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
    format!("v1,{}", STANDARD.encode(mac))
}

/// The base64 after `whsec_`, or the secret's own bytes where it isn't that.
fn standard_key(secret: &Secret) -> Vec<u8> {
    secret
        .expose()
        .strip_prefix("whsec_")
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        // Anybody could sign with an empty key.
        .filter(|key| !key.is_empty())
        .unwrap_or_else(|| secret.expose().as_bytes().to_vec())
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_614_265_330_000);
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn value<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
        headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    fn sign(scheme: &Scheme, secret: &str, previous: &[PreviousSecret]) -> Vec<Header> {
        let signer = Signer { scheme, secret: &Secret::new(secret.to_owned()), previous, header: None };
        headers(signer, "msg_p5jXN8AQM9LWM0D4loKWxJek", NOW, BODY)
    }

    /// The vector that the specification's own libraries test themselves with.
    #[test]
    fn standard_signature_is_that_of_the_specification() {
        let headers = sign(&Scheme::Standard, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &[]);
        assert_eq!(value(&headers, "webhook-id"), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        assert_eq!(value(&headers, "webhook-timestamp"), Some("1614265330"));
        assert_eq!(value(&headers, "webhook-signature"), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    /// `printf '1614265330.{"test": 2432232314}' | openssl dgst -sha256 -hmac whsec_abc`
    #[test]
    fn timestamped_hex_is_keyed_with_the_whole_secret() {
        let headers = sign(&Scheme::TimestampedHex, "whsec_abc", &[]);
        assert_eq!(value(&headers, "x-webhook-timestamp"), Some("1614265330"));
        assert_eq!(
            value(&headers, "x-webhook-signature"),
            Some("sha256=3075f08702f794f559658202f591dbeb734f6e037e13281e23556c79588c3a64")
        );
    }

    /// `printf '{"test": 2432232314}' | openssl dgst -sha256 -hmac whsec_abc`
    #[test]
    fn body_hex_is_in_the_header_that_the_webhook_names() {
        let mac = "36f8233e04a962ad3f0de524ec1457d159f4cec507331a5b6150da1cd0d048b0";
        let (scheme, secret) =
            (Scheme::BodyHex { header: "X-Default".to_owned() }, Secret::new("whsec_abc".to_owned()));
        for (header, name, signature) in [
            (None, "X-Default", mac.to_owned()),
            (Some("X-Chosen"), "X-Chosen", mac.to_owned()),
            (Some("X-Hub-Signature-256"), "X-Hub-Signature-256", format!("sha256={mac}")),
        ] {
            let signed = headers(Signer { scheme: &scheme, secret: &secret, previous: &[], header }, "id", NOW, BODY);
            assert_eq!(value(&signed, name), Some(signature.as_str()));
            assert_eq!(signed.len(), 4);
        }
    }

    #[test]
    fn an_old_secret_signs_too_until_it_ends() {
        let old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let previous = |valid_until| PreviousSecret { secret: Secret::new(old.clone()), valid_until };
        let both = sign(&Scheme::Standard, "whsec_abc", &[previous(Timestamp::from_millis(NOW.millis() + 1))]);
        let both = value(&both, "webhook-signature").unwrap().to_owned();
        assert_eq!(both.split(' ').nth(1), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        let ended = sign(&Scheme::Standard, "whsec_abc", &[previous(NOW)]);
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
