//! How long tests take, as a file of the repository says.

use std::collections::BTreeMap;

use crate::model::Project;
use crate::source::FileId;

/// The file that pytest-split stores times in.
pub const TEST_DURATIONS: &str = ".test_durations";

/// Seconds by test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestTimes {
    /// The file.
    pub file: FileId,
    /// Seconds by the test's node id: `blog/tests.py::test_post`.
    pub seconds: BTreeMap<String, f64>,
}

impl Project {
    /// The times that `pytest --store-durations` of pytest-split has stored at the root.
    pub fn test_times(&self) -> Option<TestTimes> {
        let file = self.snapshot.find(TEST_DURATIONS)?;
        Some(TestTimes { file, seconds: serde_json::from_str(self.text(file)).ok()? })
    }
}

impl TestTimes {
    /// The time of all tests of a folder, a file, or of one test, in seconds.
    pub fn of(&self, path: &str) -> f64 {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let below = self.seconds.range(path.to_owned()..).take_while(|(test, _)| test.starts_with(path));
        let own = below.filter(|(test, _)| {
            let rest = test.get(path.len()..).unwrap_or_default();
            rest.is_empty() || rest.starts_with(['/', ':'])
        });
        own.map(|(_, time)| time).filter(|time| time.is_finite()).sum()
    }
}
