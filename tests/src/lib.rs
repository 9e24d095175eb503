//! Integration tests of the layer.
