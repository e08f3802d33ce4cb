//! A deterministic simulator of whole clusters
