//! Paging. A cursor is the last id of a page in base64. It names no tenant, so it cannot lead into another tenant.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::AgentId;

/// The text is not a cursor of this API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that this API gave")]
pub struct InvalidCursor;

/// The cursor for the page that starts after `id`.
#[must_use]
pub fn after(id: &AgentId) -> String {
    URL_SAFE_NO_PAD.encode(id.as_str())
}

/// The id in `cursor`.
///
/// # Errors
/// Where `cursor` is not a cursor of this API.
pub fn read(cursor: &str) -> Result<AgentId, InvalidCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).or(Err(InvalidCursor))?;
    let id = String::from_utf8(bytes).or(Err(InvalidCursor))?;
    AgentId::parse(&id).or(Err(InvalidCursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_id_and_junk_is_refused() {
        let id = AgentId::parse("agt_abc123").unwrap();
        assert_eq!(read(&after(&id)), Ok(id));
        for junk in ["=", "!!", "AAAA", "a", &URL_SAFE_NO_PAD.encode("other#agent")] {
            assert_eq!(read(junk), Err(InvalidCursor), "{junk}");
        }
    }
}
