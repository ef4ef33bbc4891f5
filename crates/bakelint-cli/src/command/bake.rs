//! `bakelint bake`: what `docker buildx bake --print` prints, without a builder.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use bakelint_core::bake::functions::FunctionEnv;
use bakelint_core::bake::{
    BakeError, Definition, DefinitionFile, Eval, Flags, Host, Inputs, ListKind, PathKind, evaluate, is_remote,
    parse_go_bool, parse_list, parse_variables, read_files,
};
use bakelint_core::source::{FileId, Source};

use crate::args::Bake;
use crate::{CLEAN, FOUND, Failure, Surroundings};

/// Runs the verb.
pub fn run(args: &Bake, around: &mut Surroundings) -> Result<u8, Failure> {
    let mut definition = Definition::default();
    match resolve(args, around, &mut definition) {
        Ok(text) => {
            around.out.write_all(text.as_bytes())?;
            Ok(CLEAN)
        }
        Err(errors) => {
            // What cannot be written to standard error cannot be told anywhere.
            let _ = around.err.write_all(render(&errors, &definition).as_bytes());
            Ok(FOUND)
        }
    }
}

/// How many mistakes are printed.
const MAX_SHOWN: usize = 100;

/// One line an error, as buildx prints the last one, and what may help below it.
fn render(errors: &[BakeError], definition: &Definition) -> String {
    let mut text = String::new();
    for error in errors.iter().take(MAX_SHOWN) {
        text.push_str(&format!("ERROR: {}\n", error.display(|span| definition.source(span))));
        if let Some(help) = &error.help {
            text.push_str(&format!("  help: {help}\n"));
        }
    }
    if let Some(more) = errors.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("and {more} more mistakes\n"));
    }
    text
}

fn resolve(args: &Bake, around: &mut Surroundings, definition: &mut Definition) -> Result<String, Vec<BakeError>> {
    let fail = |message: String| vec![BakeError::new(message)];
    let host = System { directory: around.directory.clone(), input: RefCell::new(around.input) };
    if let Some(url) = args.targets.first().filter(|target| is_remote(target)) {
        let message = format!("a remote definition needs a builder, and bakelint fetches nothing: {url}");
        return Err(vec![BakeError::new(message).with_help("clone the repository and run bakelint in it")]);
    }
    let flags = Flags {
        set: args.set.clone(),
        push: args.push == Some(true),
        load: args.load == Some(true),
        call: if args.check == Some(true) { "check".to_owned() } else { args.call.clone() },
        no_cache: args.no_cache,
        pull: args.pull,
        sbom: args.sbom.clone(),
        provenance: args.provenance.clone(),
        policy: args.policy.clone(),
        allow: args.allow.clone(),
    };
    let (overrides, policies_off) = flags.overrides().map_err(fail)?;
    if args.print == Some(true) && args.list.is_some() {
        return Err(fail("--print and --list are mutually exclusive".to_owned()));
    }
    for (index, (name, bytes)) in read_files(&args.file, &host).map_err(fail)?.into_iter().enumerate() {
        let source = Source::new(name.clone(), bytes);
        definition.files.push(DefinitionFile::parse(name, FileId(index as u32), source.text()));
    }
    let variables = parse_variables(&args.var).map_err(fail)?;
    let inputs = Inputs {
        targets: args.targets.clone(),
        overrides,
        variables: variables.into_iter().map(|(name, value)| (name, Eval::Known(value))).collect(),
        environment: BTreeMap::new(),
        use_environment: host.flag("BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP") != Some(true),
        relative_to_files: relative_to_files(&host).map_err(fail)?,
        trace: false,
        ..Inputs::default()
    };
    let evaluation = evaluate(definition, &inputs, &host);
    if !evaluation.errors.is_empty() {
        return Err(evaluation.errors);
    }
    if let Some(list) = &args.list {
        let (kind, format) = parse_list(list).map_err(fail)?;
        return Ok(match kind {
            ListKind::Targets => evaluation.list_targets(format),
            ListKind::Variables => evaluation.list_variables(format),
        });
    }
    let mut plan = evaluation.plan(&inputs, &host).map_err(|error| vec![error])?;
    if policies_off {
        plan.disable_policies();
    }
    plan.prepare(&inputs, &host).map_err(|error| vec![error])?;
    Ok(plan.print())
}

fn relative_to_files(host: &System) -> Result<bool, String> {
    const NAME: &str = "BUILDX_BAKE_FILE_RELATIVE_PATHS";
    let value = host.variable(NAME).unwrap_or_default();
    match value.trim() {
        "" => Ok(false),
        text => parse_go_bool(text).ok_or_else(|| format!("failed to parse {NAME} value \"{text}\" as bool")),
    }
}

/// The machine that the program runs on.
struct System<'a> {
    directory: PathBuf,
    input: RefCell<&'a mut dyn Read>,
}

impl System<'_> {
    fn flag(&self, name: &str) -> Option<bool> {
        parse_go_bool(&self.variable(name)?)
    }
}

/// The words of the operating system alone, as Go has them.
fn words(error: std::io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    words.to_lowercase()
}

impl FunctionEnv for System<'_> {
    fn now(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
    }

    fn home_dir(&self) -> String {
        std::env::home_dir().map(|home| home.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn random(&self, buffer: &mut [u8]) {
        use std::hash::{BuildHasher, RandomState};
        // Random keys of the standard library: good enough for names, no secret is made from them.
        for chunk in buffer.chunks_mut(8) {
            let bytes = RandomState::new().hash_one(0).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

impl Host for System<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.directory.join(path)).map_err(words)
    }

    fn kind(&self, path: &str) -> PathKind {
        let Ok(metadata) = std::fs::metadata(self.directory.join(path)) else { return PathKind::Missing };
        #[cfg(unix)]
        if std::os::unix::fs::FileTypeExt::is_socket(&metadata.file_type()) {
            return PathKind::Socket;
        }
        match metadata.is_dir() {
            true => PathKind::Directory,
            false => PathKind::File(metadata.len()),
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        let value = std::env::var_os(name)?.to_string_lossy().into_owned();
        // The docker command line rewrites DEBUG before Bake reads it.
        Some(if name == "DEBUG" && !value.is_empty() { "1".to_owned() } else { value })
    }

    fn variables(&self) -> Vec<(String, String)> {
        let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
        names.filter_map(|name| self.variable(&name).map(|value| (name, value))).collect()
    }

    fn standard_input(&self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        self.input.borrow_mut().read_to_end(&mut bytes).map_err(words)?;
        Ok(bytes)
    }

    fn directory(&self) -> String {
        self.directory.to_string_lossy().into_owned()
    }

    fn platform(&self) -> String {
        let system = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            other => other,
        };
        format!("{system}/{architecture}")
    }
}
