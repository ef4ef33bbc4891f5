//! What follows from the model, derived once on demand.

pub mod arguments;
pub mod caches;
pub mod ci;
pub mod commands;
pub mod consumers;
pub mod downloads;
pub mod events;
pub mod images;
pub mod known_images;
pub mod packages;
pub mod packages_api;
pub mod prefix;
pub mod purpose;
pub mod reach;
pub mod reads;
pub mod runs;
pub mod stages;
pub mod targets;
pub mod test_times;
pub mod together;
pub mod variables;
