//! A process of its own for what must be seen from outside, or with other layers than the test's.
fn main() {}
