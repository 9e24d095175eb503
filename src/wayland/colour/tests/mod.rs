//! What compositors are told of colours, for every space.

mod metadata;
mod space;
