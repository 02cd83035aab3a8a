//! Nothing: this package is its dependencies. See its Cargo.toml.
