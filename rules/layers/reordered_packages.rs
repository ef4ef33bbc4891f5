//! Two stages install the same packages in another order, so that the builder installs them twice.
//!
//! The text of a RUN is part of its cache key. `curl gettext` and `gettext curl` are two steps, with two layers that are built, pushed and
//! stored, and everything behind them is doubled as well. Copies of a Dockerfile drift apart in this way, and nobody sees it.
//!
//! Write the packages in one order, best sorted; then the steps are one, and can become a stage. The patch takes over the order of the
//! first file.
//!
//! Not flagged: steps with another beginning before them, and texts that differ in more than the order of the packages of one
//! installation.
//!
//! ## Examples
//!
//! ### Another order
//!
//! ```dockerfile worker.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y curl gettext
//! CMD ["celery", "worker"]
//! ```
//!
//! ```dockerfile beat.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y gettext curl
//! CMD ["celery", "beat"]
//! ```
//!
//! ```text
//! worker.Dockerfile:2:42: warning[reordered-packages] these are the packages of beat.Dockerfile in another order: the builder installs them once more
//! ```
//!
//! ```diff
//! --- a/worker.Dockerfile
//! +++ b/worker.Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM python:3.13-slim
//! -RUN apt-get update && apt-get install -y curl gettext
//! +RUN apt-get update && apt-get install -y gettext curl
//!  CMD ["celery", "worker"]
//! ```
//!
//! ### One order
//!
//! ```dockerfile worker.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y curl gettext
//! CMD ["celery", "worker"]
//! ```
//!
//! ```dockerfile beat.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && \
//!     apt-get install -y curl gettext
//! CMD ["celery", "beat"]
//! ```
//!
//! ## Also tested
//!
//! ### What else is in another order
//!
//! ```dockerfile worker.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get install -y curl && apt-get install -y gettext
//! RUN echo a b
//! ```
//!
//! ```dockerfile beat.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get install -y gettext && apt-get install -y curl
//! RUN echo b a
//! ```
//!
//! ### On lines of their own
//!
//! ```dockerfile worker.Dockerfile
//! FROM alpine:3.22
//! WORKDIR /app
//! RUN apk add --no-cache \
//!     curl \
//!     gettext \
//!     tzdata
//! ```
//!
//! ```dockerfile beat.Dockerfile
//! FROM alpine:3.22
//! WORKDIR /app
//! RUN apk add --no-cache \
//!     tzdata \
//!     curl \
//!     gettext
//! ```
//!
//! ```text
//! worker.Dockerfile:4:5: warning[reordered-packages] these are the packages of beat.Dockerfile in another order: the builder installs them once more
//! ```
//!
//! ```diff
//! --- a/worker.Dockerfile
//! +++ b/worker.Dockerfile
//! @@ -1,6 +1,6 @@
//!  FROM alpine:3.22
//!  WORKDIR /app
//!  RUN apk add --no-cache \
//! +    tzdata \
//!      curl \
//! -    gettext \
//! -    tzdata
//! +    gettext
//! ```

use std::collections::HashMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "reordered-packages", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let chains = project.chains();
        // The first step with these words behind this beginning.
        let mut first: HashMap<(&str, u64, Vec<&str>), (usize, usize)> = HashMap::new();
        let mut seen = std::collections::BTreeSet::new();
        for chain in &chains {
            let mut before = 0;
            for step in &chain.steps {
                let place = (chain.dockerfile, step.instruction);
                let key = (chain.base.as_str(), before, sorted(&step.text));
                before = step.key;
                if !step.heavy || !seen.insert(place) {
                    continue;
                }
                let known = *first.entry(key).or_insert(place);
                if known != place {
                    compare(project, known, place, found);
                }
            }
        }
    }
}

fn sorted(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable();
    words
}

/// The packages that a step names in one installation.
fn packages(project: &Project, (dockerfile, instruction): (usize, usize)) -> Option<&[Package]> {
    let run = project.run_at(dockerfile, instruction)?;
    let mut installs = run.installs().filter(|command| command.packages.len() > 1);
    let (install, None) = (installs.next()?, installs.next()) else { return None };
    Some(&install.packages)
}

fn compare(project: &Project, first: (usize, usize), second: (usize, usize), found: &mut Findings) {
    let (Some(there), Some(here)) = (packages(project, first), packages(project, second)) else { return };
    let instruction = |(dockerfile, at): (usize, usize)| {
        let dockerfile = &project.dockerfiles[dockerfile];
        dockerfile.tree.instructions.get(at).map(|instruction| (dockerfile, instruction))
    };
    let (Some((original, original_step)), Some((dockerfile, step))) = (instruction(first), instruction(second)) else {
        return;
    };
    let written = |file: &Dockerfile, packages: &[Package]| {
        packages.iter().map(|package| file.source.slice(package.span).to_owned()).collect::<Vec<_>>()
    };
    let (wanted, own) = (written(original, there), written(dockerfile, here));
    if wanted == own || wanted.len() != own.len() {
        return;
    }
    // With the packages in the other order the texts must be the same.
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (Some(from), Some(to)) = (here.first(), here.last()) else { return };
    let text = dockerfile.source.text();
    let range = step.span.range();
    let (Some(head), Some(tail)) =
        (text.get(range.start..from.span.start as usize), text.get(to.span.end as usize..range.end))
    else {
        return;
    };
    let mut reordered = words(head);
    reordered.extend(wanted.iter().cloned());
    reordered.extend(words(tail));
    let plain = |words: Vec<String>| words.into_iter().filter(|word| word != "\\").collect::<Vec<_>>();
    if plain(reordered) != plain(words(original.source.slice(original_step.span))) {
        return;
    }
    let span = from.span.cover(to.span);
    let whose = if original.file == dockerfile.file { "an earlier stage".to_owned() } else { original.path.clone() };
    let message = format!("these are the packages of {whose} in another order: the builder installs them once more");
    let diagnostic = found.add(span, message);
    if let (Some(from), Some(to)) = (there.first(), there.last()) {
        diagnostic.label(from.span.cover(to.span), "the same packages");
    }
    diagnostic.help("write them in one order, best sorted, and the builder runs one step for both");
    let edits = here.iter().zip(&own).zip(&wanted).filter(|((_, own), wanted)| own != wanted);
    let edits = edits.map(|((package, _), wanted)| Edit::replace(package.span, wanted.clone()));
    diagnostic.fix(Fix::unsafe_(format!("Take over the order of {whose}"), edits.collect()).rebuilds_once());
}
