//! One binary for all data-driven tests. `BLESS=1` rewrites the expected reports and patches on the rules' pages.

use bakelint_tests::{cli, conformance, examples, graphs, histories, logs, pages, replay, tidy};
use libtest_mimic::Arguments;

fn main() {
    let trials = [
        cli::trials(),
        conformance::trials(),
        examples::trials(),
        graphs::trials(),
        logs::trials(),
        pages::trials(),
        replay::trials(),
        histories::trials(),
        tidy::trials(),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect()).exit();
}
