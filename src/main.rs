//! The command `wayfence`.

fn main() {}
