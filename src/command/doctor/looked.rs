//! The outcome of a look.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// What was found, or why it was not.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Looked<T> {
    /// It was not.
    Failed {
        /// Why.
        error: String,
    },
    /// It was.
    Found(T),
}

impl<T, E: Display> From<Result<T, E>> for Looked<T> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(found) => Looked::Found(found),
            Err(error) => Looked::Failed {
                error: error.to_string(),
            },
        }
    }
}
