//! Which URLs a customer may register. Pure. A URL is checked when it is set. The addresses that it leads to are
//! checked at each delivery, by [`address`](crate::address).

use url::Url;

/// Why a URL is refused. Each dialect has error messages of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlError {
    /// Longer than the dialect allows.
    TooLong,
    /// Empty.
    Empty,
    /// Not a URL by the URL standard (<https://url.spec.whatwg.org>), for this reason.
    Unparsable(url::ParseError),
    /// The scheme is neither `https` nor, if allowed, `http`.
    Scheme,
}

/// Checks a URL of at most `chars_max` characters. With `require_https`, `http` is refused.
///
/// # Errors
/// The first error in the URL.
pub fn check_url(text: &str, chars_max: usize, require_https: bool) -> Result<(), UrlError> {
    if text.chars().count() > chars_max {
        return Err(UrlError::TooLong);
    }
    if text.is_empty() {
        return Err(UrlError::Empty);
    }
    match Url::parse(text).map_err(UrlError::Unparsable)?.scheme() {
        "https" => Ok(()),
        "http" if !require_https => Ok(()),
        _ => Err(UrlError::Scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_and_https_urls_may_be_registered_and_nothing_else() {
        let check = |text: &str| check_url(text, 30, false);
        for text in ["https://a.example/hook?b=c#d", "http://127.0.0.1:1", "https://ä.example"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        assert_eq!(check_url("http://a.example", 30, true), Err(UrlError::Scheme));
        assert_eq!(check("ftp://a.example"), Err(UrlError::Scheme));
        assert_eq!(check(""), Err(UrlError::Empty));
        assert_eq!(check(&format!("https://{}", "a".repeat(23))), Err(UrlError::TooLong));
        for text in ["a.example", "https://", "https://[::1", "https://[fe80::1%lo]", "https://[fe80::1%25lo]"] {
            assert!(matches!(check(text), Err(UrlError::Unparsable(_))), "{text}");
        }
    }
}
