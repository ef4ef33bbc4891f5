//! A variable is used that nothing sets.
//!
//! BuildKit replaces it by nothing, so `COPY $SRC/ /app/` copies the root of the context. A form with a default, `${X:-x}`, hides
//! that, but still nobody can give `X` a value. See <https://docs.docker.com/reference/build-checks/undefined-var/>.
//!
//! What counts is what stands above: an ARG or ENV of the stage or of the stages below it, the environment of the base image, and
//! PATH. An ARG before the first FROM is known to FROM lines only, until the stage names it again; the same goes for
//! `TARGETARCH` and its kind. The values of one ENV do not see each other.
//!
//! What a base image sets is known for `scratch` and for well-known images. On another base, a finding is shown only if the file
//! itself sets the variable somewhere else, or one that is called nearly the same; the rest may come from the image and is shown
//! with `--pedantic`, as are names that images are known to set (`JAVA_HOME`, …) and variables that extend themselves
//! (`ENV X=$X:/more`). `--image-config` tells what an image sets. RUN, CMD and ENTRYPOINT are not looked at: there, a shell replaces variables.
//!
//! ## Examples
//!
//! ### A slip
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ARG VERSION=1
//! LABEL version=$VERSON
//! ```
//!
//! ```text
//! Dockerfile:3:15: warning[undefined-variable] nothing sets `VERSON` here
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM alpine:3.21
//!  ARG VERSION=1
//! -LABEL version=$VERSON
//! +LABEL version=$VERSION
//! ```
//!
//! ### Declared too far up
//!
//! ```dockerfile
//! ARG VERSION=1
//! FROM alpine:3.21
//! COPY app-${VERSION}-${TARGETARCH} /app
//! ```
//!
//! ```text
//! Dockerfile:3:10: warning[undefined-variable] nothing sets `VERSION` here
//! Dockerfile:3:21: warning[undefined-variable] nothing sets `TARGETARCH` here
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,5 @@
//!  ARG VERSION=1
//!  FROM alpine:3.21
//! +ARG VERSION
//! +ARG TARGETARCH
//!  COPY app-${VERSION}-${TARGETARCH} /app
//! ```
//!
//! ### Declared
//!
//! ```dockerfile
//! ARG VERSION=1
//! FROM golang:1.24
//! ARG VERSION TARGETARCH
//! COPY app-${VERSION}-${TARGETARCH} $GOPATH/bin/app
//! RUN echo $SHELL_VARIABLE
//! ENV PATH=/opt/bin:$PATH
//! ```
//!
//! ## Also tested
//!
//! ### One ENV
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ENV ROOT=/app \
//!     DATA=$ROOT/data
//! ENV LOG=$ROOT/log
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[undefined-variable] nothing sets `ROOT` here
//! ```
//!
//! ### Set only later
//!
//! ```dockerfile
//! FROM scratch
//! WORKDIR /srv/$APP
//! ARG APP=web
//! WORKDIR /srv/$APP
//! ```
//!
//! ```text
//! Dockerfile:2:14: warning[undefined-variable] nothing sets `APP` here
//! ```
//!
//! ### A base that nobody knows
//!
//! ```dockerfile
//! FROM example.com/base
//! ENV JAVA_OPTS=-Dhome=$JAVA_HOME LIBS=$LIBS:/opt
//! USER $USER_NAME
//! COPY $SOURCE/ /app/
//! ARG SOURCE=src
//! COPY $SOURC/ /app/
//! ```
//!
//! ```text
//! Dockerfile:2:22: warning[undefined-variable] nothing sets `JAVA_HOME` here
//! Dockerfile:2:38: warning[undefined-variable] nothing sets `LIBS` here
//! Dockerfile:3:6: warning[undefined-variable] nothing sets `USER_NAME` here
//! Dockerfile:4:6: warning[undefined-variable] nothing sets `SOURCE` here
//! Dockerfile:6:6: warning[undefined-variable] nothing sets `SOURC` here
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -3,4 +3,4 @@
//!  USER $USER_NAME
//!  COPY $SOURCE/ /app/
//!  ARG SOURCE=src
//! -COPY $SOURC/ /app/
//! +COPY $SOURCE/ /app/
//! ```
//!
//! ### Children, triggers and here-documents
//!
//! ```dockerfile
//! FROM alpine:3.21 AS base
//! ARG NAME=a
//! ONBUILD LABEL x=$OTHER
//! # check=skip=UndefinedVar
//! FROM base
//! COPY <<EOF <<"RAW" /etc/
//! name = $NAME, $HOST
//! EOF
//! $RAW
//! RAW
//! ```
//!
//! ```text
//! Dockerfile:5:6: warning[undefined-variable] nothing sets `OTHER` here
//! Dockerfile:6:1: warning[undefined-variable] nothing sets `HOST` here
//! ```
//!
//! ### Silenced for BuildKit
//!
//! ```dockerfile
//! FROM alpine:3.21
//! # check=skip=UndefinedVar
//! USER $NOBODY
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "undefined-variable", fix: Some(Safety::Unsafe), also: &["buildkit:UndefinedVar"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            for (stage, step) in evaluation.steps() {
                for word in &step.words {
                    let mut names = Vec::new();
                    for used in word.uses.iter().filter(|used| used.is_missing()) {
                        if !names.contains(&used.name.as_str()) {
                            names.push(&used.name);
                            report(file, evaluation, (stage, step), used, found);
                        }
                    }
                }
            }
        }
    }
}

fn report(
    file: &Dockerfile,
    evaluation: &Evaluation,
    (stage, step): (usize, &EvaluatedStep),
    used: &Use,
    found: &mut Findings,
) {
    let name = used.name.as_str();
    let confidence = match used.definition {
        Definition::Missing { certain: true } => Confidence::High,
        Definition::Missing { certain: false } => Confidence::Medium,
        _ => Confidence::Low,
    };
    let (span, heeds) = evaluation.place(file, stage, step, used.span);
    let diagnostic = found.add(span, format!("nothing sets `{name}` here")).heeds(heeds).confidence(confidence);
    if span != used.span && !matches!(step.origin, StepOrigin::Image(_)) {
        diagnostic.label(used.span, "used here");
    }
    if let Some(global) = evaluation.global(name) {
        let help = match global.span {
            Some(_) => {
                format!("an ARG before the first FROM is known to FROM lines only; write `ARG {name}` in the stage")
            }
            None => format!("BuildKit gives `{name}` a value only behind `ARG {name}` in the stage"),
        };
        diagnostic.help(help);
        if let Some(span) = global.span {
            diagnostic.label(span, "declared here");
        }
        let text = file.source.text();
        let edit = file.tree.insert_before(text, step.instruction, &format!("ARG {name}"));
        if let Some(edit) = edit.filter(|_| step.is_own()) {
            let fix = Fix::unsafe_(format!("Declare `{name}` in the stage"), vec![edit]);
            diagnostic.fix(fix.rebuilds_once());
        }
        return;
    }
    if let Some(near) = evaluation.nearest_variable(step.before.moment, name) {
        diagnostic.help(format!("did you mean `{near}`?"));
        if let Some(place) = used.name_span(&file.source).filter(|_| step.is_own()) {
            let fix = Fix::unsafe_(format!("Use `{near}`"), vec![Edit::replace(place, near.as_str())]);
            diagnostic.fix(fix.rebuilds_once());
        }
        return;
    }
    if let Effect::Set(settings) = &step.effect
        && step.keyword(&file.tree) == Keyword::Arg
        && settings.iter().any(|setting| setting.name == name)
    {
        diagnostic.help(format!("`ARG {name}` alone lets the build pass a value"));
        return;
    }
    let end = &evaluation.stages[stage].end;
    let later = evaluation.variable(end.moment, name).and_then(|binding| binding.origin.span());
    match later {
        Some(span) => {
            diagnostic
                .label(span, "set only here")
                .help("a variable is known only behind the instruction that sets it");
        }
        None => {
            diagnostic.help(format!("an undefined variable is empty; declare it with `ARG {name}`"));
        }
    }
}
