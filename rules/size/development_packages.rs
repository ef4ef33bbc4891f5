//! Packages for development are installed into an image that is shipped.
//!
//! Test runners, type checkers and bundlers are needed while the project is built and checked, not while it runs: they
//! make the image larger, slower to push and pull, and are part of what a scanner finds.
//!
//! Install them in a stage of which files are taken, and without them in the stage that is shipped: `npm ci
//! --omit=dev`, `composer install --no-dev`, `poetry install --only main`, `uv sync --no-dev`, `pnpm install --prod`.
//! The patch adds the option where nothing of the stage runs one of the package manager's scripts; it is not a safe
//! one, since the program may use such a package after all.
//!
//! Where the stage runs such a script, the packages are needed there: then it is a finding of low confidence, unless the image starts a
//! program of another language, such as `gunicorn`, which has no use for them.
//!
//! Not flagged: manifests that list none or are not known, stages that are named for development or tests, installs
//! with `NODE_ENV=production`, and those behind which `npm prune` removes them again.
//!
//! ## Examples
//!
//! ### All of them
//!
//! ```dockerfile
//! FROM node:24
//! WORKDIR /app
//! COPY package.json package-lock.json ./
//! RUN npm ci
//! COPY . .
//! CMD ["node", "server.js"]
//! ```
//!
//! ```json package.json
//! {"dependencies": {"pino": "10.0.0"}, "devDependencies": {"vitest": "4.0.0"}}
//! ```
//!
//! ```json package-lock.json
//! {}
//! ```
//!
//! ```text
//! Dockerfile:4:5: info[development-packages] `npm ci` installs packages for development into an image that is shipped
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,6 +1,6 @@
//!  FROM node:24
//!  WORKDIR /app
//!  COPY package.json package-lock.json ./
//! -RUN npm ci
//! +RUN npm ci --omit=dev
//!  COPY . .
//!  CMD ["node", "server.js"]
//! ```
//!
//! ### Those that the program needs
//!
//! ```dockerfile
//! FROM node:24
//! WORKDIR /app
//! COPY package.json package-lock.json ./
//! RUN npm ci --omit=dev
//! COPY . .
//! CMD ["node", "server.js"]
//! ```
//!
//! ```json package.json
//! {"dependencies": {"pino": "10.0.0"}, "devDependencies": {"vitest": "4.0.0"}}
//! ```
//!
//! ## Also tested
//!
//! ### A build in between
//!
//! ```dockerfile
//! FROM node:24
//! COPY package.json ./
//! RUN npm ci
//! COPY . .
//! RUN npm run build
//! CMD ["node", "dist/server.js"]
//! ```
//!
//! ```json package.json
//! {"devDependencies": {"vite": "7.0.0"}}
//! ```
//!
//! ```text
//! Dockerfile:3:5: info[development-packages] `npm ci` installs packages for development into an image that is shipped
//! ```
//!
//! ### Removed again, in production, for tests, in a builder
//!
//! ```dockerfile
//! FROM node:24 AS a
//! RUN npm ci && npm run build && npm prune --omit=dev
//!
//! FROM node:24 AS b
//! ENV NODE_ENV=production
//! RUN npm ci
//!
//! FROM node:24 AS test
//! RUN npm ci
//! CMD ["npm", "test"]
//!
//! FROM node:24 AS build
//! RUN npm ci && npm run build
//!
//! FROM nginx:1.29 AS d
//! COPY --from=build /dist /usr/share/nginx/html
//! ```
//!
//! ```json package.json
//! {"devDependencies": {"vite": "7.0.0"}}
//! ```
//!
//! ```hcl
//! target "default" {
//!   matrix = { stage = ["a", "b", "test", "d"] }
//!   name   = stage
//!   target = stage
//! }
//! ```
//!
//! ### Composer and uv
//!
//! ```dockerfile
//! FROM php:8.4
//! COPY composer.json composer.lock pyproject.toml uv.lock ./
//! RUN composer install --no-interaction
//! RUN uv sync --locked
//! ```
//!
//! ```json composer.json
//! {"require-dev": {"phpunit/phpunit": "^12"}}
//! ```
//!
//! ```toml pyproject.toml
//! [dependency-groups]
//! dev = ["pytest"]
//! ```
//!
//! ```text
//! Dockerfile:3:5: info[development-packages] `composer install` installs packages for development into an image that is shipped
//! Dockerfile:4:5: info[development-packages] `uv sync` installs packages for development into an image that is shipped
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM php:8.4
//!  COPY composer.json composer.lock pyproject.toml uv.lock ./
//! -RUN composer install --no-interaction
//! -RUN uv sync --locked
//! +RUN composer install --no-dev --no-interaction
//! +RUN uv sync --no-dev --locked
//! ```
//!
//! ### Only to build what a server in another language hands out
//!
//! ```dockerfile
//! FROM python:3.13
//! WORKDIR /app
//! COPY . .
//! RUN npm ci
//! RUN npm run build
//! CMD ["gunicorn", "shop.wsgi"]
//! ```
//!
//! ```json package.json
//! {"scripts": {"build": "esbuild"}, "devDependencies": {"esbuild": "0.27.0"}}
//! ```
//!
//! ```text
//! Dockerfile:4:5: info[development-packages] `npm ci` installs packages for development into an image that is shipped
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "development-packages",
        severity: Severity::Info,
        confidence: Confidence::Medium,
        fix: Some(Safety::Unsafe),
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs().filter(|run| !run.trigger) {
            let mut installs = run.installs().filter(|install| !install.conditional && !install.opaque).peekable();
            if installs.peek().is_none()
                || project.stage_use(run.dockerfile, run.stage) != StageUse::Shipped
                || project.is_for_people(run.dockerfile, run.stage)
            {
                continue;
            }
            let Some(folder) = project.context_folder(run.dockerfile) else { continue };
            for install in installs {
                check_install(project, run, install, &folder, found);
            }
        }
    }
}

fn check_install(project: &Project, run: &Run, install: &PackageCommand, folder: &str, found: &mut Findings) {
    let (manifest, marks, without, option): (&str, &[&str], &[&str], &str) = match install.manager {
        Manager::Npm => {
            ("package.json", &["\"devDependencies\""], &["--omit", "--production", "--only", "--prod"], "--omit=dev")
        }
        Manager::Yarn => ("package.json", &["\"devDependencies\""], &["--production", "--prod"], "--production"),
        Manager::Pnpm => {
            ("package.json", &["\"devDependencies\""], &["--prod", "-P", "--production", "--offline"], "--prod")
        }
        Manager::Composer => ("composer.json", &["\"require-dev\""], &["--no-dev"], "--no-dev"),
        Manager::Poetry => (
            "pyproject.toml",
            &["[tool.poetry.group.dev", "[tool.poetry.dev-dependencies]", "[tool.poetry.group.test"],
            &["--only", "--without", "--no-dev", "--only-root", "--only-main"],
            "--only main",
        ),
        Manager::Uv if install.verb() == "sync" => (
            "pyproject.toml",
            &["[dependency-groups]\ndev", "dev-dependencies"],
            &["--no-dev", "--only-group", "--no-default-groups", "--group", "--only-dev"],
            "--no-dev",
        ),
        _ => return,
    };
    let reads = install.manifests.iter().any(|read| read.path == manifest);
    let path = if folder.is_empty() { manifest.to_owned() } else { format!("{folder}/{manifest}") };
    let Some(file) = project.snapshot.find(&path).filter(|_| reads && !install.has(without)) else { return };
    let text = project.text(file).replace("\r\n", "\n");
    let lists = |mark: &&str| {
        text.split_once(*mark).is_some_and(|(_, rest)| {
            let content = rest.trim_start_matches([' ', ':', '=', '\n', '\t', '{', '[', ']']);
            !content.is_empty() && !content.starts_with('}')
        })
    };
    let Some(mark) = marks.iter().find(|mark| lists(mark)) else { return };
    let variables = [
        ("NODE_ENV", "production"),
        ("NPM_CONFIG_PRODUCTION", "true"),
        ("NPM_CONFIG_OMIT", "dev"),
        ("COMPOSER_NO_DEV", "1"),
        ("UV_NO_DEV", "1"),
    ];
    let set = |(name, value): &(&str, &str)| match project.variable_of(run, install, name) {
        dockerfile::Lookup::Set(found) => found == *value,
        dockerfile::Lookup::Dynamic => true,
        dockerfile::Lookup::Unset => false,
    };
    if variables.iter().any(set) {
        return;
    }
    let dockerfile = &project.dockerfiles[run.dockerfile];
    let later: Vec<&Run> = project
        .runs(run.dockerfile)
        .iter()
        .filter(|other| other.stage == run.stage && other.instruction >= run.instruction)
        .collect();
    let again = later.iter().flat_map(|other| other.packages.iter().map(move |command| (other, command)));
    let removes = |(other, command): &(&&Run, &PackageCommand)| {
        command.manager == install.manager
            && (command.verb().contains("prune")
                || command.has(without) && (other.instruction, command.command) > (run.instruction, install.command))
    };
    let words = later
        .iter()
        .flat_map(|other| project.commands(other))
        .map(|command| command.simple.words.iter().filter_map(Word::as_plain).collect::<Vec<_>>().join(" "));
    let words: Vec<String> = words.collect();
    if again.into_iter().any(|pair| removes(&pair))
        || words.iter().any(|words| words.contains("prune") || words.contains("node_modules"))
    {
        return;
    }
    let builds = words.iter().any(|words| {
        ["npm run", "yarn ", "pnpm ", "npx ", "pnpm run", "composer run"]
            .iter()
            .any(|start| words.starts_with(start) && !words.contains(" install"))
    }) || !later.iter().all(|other| other.readable);
    let message = format!("`{}` installs packages for development into an image that is shipped", install.title());
    let diagnostic = found.add_at(dockerfile, run.instruction, install.title_span(), "here", message);
    diagnostic.label(Span::at(file, text_offset(project.text(file), mark)), "listed here");
    // A stage that others stand on, or without a command, may be there for something else.
    let starts =
        dockerfile.stage_instructions(run.stage).any(|(_, one)| matches!(one.body, Body::Cmd(_) | Body::Entrypoint(_)));
    if !starts || !project.target_stages(run.dockerfile).contains(&run.stage) {
        diagnostic.confidence(Confidence::Low);
    }
    if builds {
        // A program of another language has no use for what its assets were made with.
        let foreign = matches!(install.manager, Manager::Npm | Manager::Yarn | Manager::Pnpm)
            && starts
            && dockerfile
                .stage_instructions(run.stage)
                .all(|(_, one)| program(one).is_none_or(|name| FOREIGN.contains(&name)));
        if !foreign {
            diagnostic.confidence(Confidence::Low);
        }
        diagnostic.help("build in a stage of its own, and install without them in the stage that is shipped");
        return;
    }
    diagnostic.help(format!("`{option}` leaves them out"));
    let edit = run.insert_word(install.title_span(), option);
    if !run.exec {
        diagnostic.fix(Fix::unsafe_(format!("Add `{option}`"), vec![edit]).rebuilds_once());
    }
}

/// Programs that servers in other languages than JavaScript are.
const FOREIGN: &[&str] = &[
    "apache2-foreground",
    "caddy",
    "celery",
    "daphne",
    "frankenphp",
    "gunicorn",
    "httpd",
    "hypercorn",
    "java",
    "nginx",
    "php",
    "php-fpm",
    "puma",
    "python",
    "python3",
    "ruby",
    "uvicorn",
    "uwsgi",
];

/// The program that an instruction lets the image start with; empty when it is not known.
fn program(instruction: &Instruction) -> Option<&str> {
    let (Body::Cmd(command) | Body::Entrypoint(command)) = &instruction.body else { return None };
    let first = match command {
        dockerfile::Command::Shell(text) => text.split_whitespace().next(),
        dockerfile::Command::Exec { words, .. } => words.first().map(|word| word.as_str()),
        dockerfile::Command::Empty => None,
    };
    Some(paths::name(first.unwrap_or_default()))
}

fn text_offset(text: &str, mark: &str) -> usize {
    let first = mark.lines().next().unwrap_or(mark);
    text.find(first).unwrap_or_default()
}
