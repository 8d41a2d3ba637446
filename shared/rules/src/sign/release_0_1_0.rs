//! Signatures in queue messages of release 0.1.0. They are read for as long as such a message may wait.

use serde::Deserialize;

use super::{Algorithm, Encoding, OwnSignature, Signature, SignedPart};

/// A signature of this release or of 0.1.0.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum AnyRelease {
    Release010(Scheme),
    Current { repeat_as: Option<String>, own: Option<OwnSignature> },
}

/// The four signatures of release 0.1.0.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scheme {
    Standard,
    TimestampedHex,
    Svix,
    BodyHex { header: String },
}

impl From<AnyRelease> for Signature {
    fn from(read: AnyRelease) -> Self {
        let scheme = match read {
            AnyRelease::Current { repeat_as, own } => return Self { repeat_as, own },
            AnyRelease::Release010(scheme) => scheme,
        };
        let hex = |header: &str, signed: Vec<SignedPart>| OwnSignature {
            header: header.to_owned(),
            algorithm: Algorithm::HmacSha256,
            encoding: Encoding::Hex,
            signed,
            prefix: String::new(),
            prefix_in: None,
            timestamp_header: None,
        };
        match scheme {
            Scheme::Standard => Self::default(),
            Scheme::Svix => Self { repeat_as: Some("svix".to_owned()), own: None },
            Scheme::TimestampedHex => {
                let signed = vec![SignedPart::Timestamp, SignedPart::Text(".".to_owned()), SignedPart::Body];
                let own = OwnSignature {
                    prefix: "sha256=".to_owned(),
                    timestamp_header: Some("x-webhook-timestamp".to_owned()),
                    ..hex("x-webhook-signature", signed)
                };
                Self { repeat_as: None, own: Some(own) }
            }
            Scheme::BodyHex { header } => {
                let own = OwnSignature {
                    prefix_in: Some(("x-hub-signature-256".to_owned(), "sha256=".to_owned())),
                    ..hex(&header, vec![SignedPart::Body])
                };
                Self { repeat_as: None, own: Some(own) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_of_0_1_0_and_one_of_this_release_are_read() {
        for (text, header) in [
            (r#""standard""#, None),
            (r#""svix""#, None),
            (r#""timestamped_hex""#, Some("x-webhook-signature")),
            (r#"{"body_hex":{"header":"X-One"}}"#, Some("X-One")),
        ] {
            let read: Signature = serde_json::from_str(text).unwrap();
            assert_eq!(read.own.as_ref().map(|own| own.header.as_str()), header, "{text}");
            let written = serde_json::to_string(&read).unwrap();
            assert_eq!(serde_json::from_str::<Signature>(&written).unwrap(), read, "{written}");
        }
        assert!(serde_json::from_str::<Signature>(r#""rot13""#).is_err());
    }
}
