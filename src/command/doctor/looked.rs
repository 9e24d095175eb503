//! The outcome of a look.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// What was found, or why nothing was found.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Looked<T> {
    /// Nothing was found.
    Failed {
        /// Why.
        error: String,
    },
    /// It was found.
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
