//! What follows from the model, derived once on demand.
