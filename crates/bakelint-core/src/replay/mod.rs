//! Layer-cache keys over the git history.
