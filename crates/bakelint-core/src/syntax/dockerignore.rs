//! Docker's own ignore-file matching.
