//! Finds functions among all rows.

use crate::function::{Endpoint, Function, Trigger};
use crate::functions::FUNCTIONS;

/// The function called `name`.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Every function behind a route, with its route.
pub fn endpoints() -> impl Iterator<Item = (&'static Function, Endpoint)> {
    FUNCTIONS.iter().filter_map(|function| match function.trigger {
        Trigger::Http(endpoint) => Some((function, endpoint)),
        Trigger::Queues(..) | Trigger::Schedule(..) | Trigger::Command(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use usecases::internal_error::InternalError;

    use super::*;
    use crate::http::api_error::ApiError;

    /// The module doc of a function's file, as one text a paragraph.
    fn module_doc(function: &Function) -> Vec<String> {
        let file = format!("src/{}.rs", function.module().replace("::", "/"));
        let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let doc: Vec<&str> = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
        doc.split(|line| line.is_empty()).map(|paragraph| paragraph.join(" ")).collect()
    }

    #[test]
    fn each_handlers_doc_gives_method_path_summary_and_the_statuses_that_every_call_has() {
        for (function, endpoint) in endpoints() {
            let doc = module_doc(function);
            let (first, rest) = function.summary.split_at(1);
            let summary = format!("`{} {}`: {}{rest}", endpoint.method, endpoint.path, first.to_lowercase());
            assert_eq!(doc.first(), Some(&summary), "{}", function.name);

            let internal = ApiError::Internal(InternalError::InvalidEvent { index: 0 });
            let mut errors = vec![ApiError::MissingKey, ApiError::Forbidden(endpoint.permission), internal];
            if endpoint.request.is_some() {
                errors.push(ApiError::BodyTooLarge);
            }
            let mut statuses: Vec<u16> =
                errors.iter().map(|error| (endpoint.render_error)(error).status().as_u16()).collect();
            statuses.push(endpoint.reply.0);
            for status in statuses {
                let status = status.to_string();
                let named =
                    doc.iter().flat_map(|text| text.split(' ')).any(|word| word.trim_end_matches(':') == status);
                assert!(named, "the doc of {} does not say when its status is {status}", function.name);
            }
        }
    }
}
