//! `bakelint bake`: what `docker buildx bake --print` prints, without a builder.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bakelint_core::bake::functions::FunctionEnv;
use bakelint_core::bake::{
    BakeError, Definition, DefinitionFile, Eval, Evaluation, Flags, Giver, Host, Inputs, ListFormat, ListKind, Parts,
    PathKind, evaluate, is_remote, parse_go_bool, parse_list, parse_variables, read_files,
};
use bakelint_core::prelude::{Severity, nearest};
use bakelint_core::source::{FileId, Source};

use crate::args::Bake;
use crate::report::{Look, full};
use crate::{CLEAN, FOUND, Failure, Surroundings};

/// Runs the verb.
pub fn run(args: &Bake, around: &mut Surroundings) -> Result<u8, Failure> {
    let host = System { directory: around.directory.clone(), input: RefCell::new(around.input) };
    let answer = answer(args, &host);
    let look = Look::of(around);
    let drawn = answer.draw(look);
    // What cannot be written to standard error cannot be told anywhere.
    let _ = around.err.write_all(drawn.as_bytes());
    match answer.result {
        Ok(text) => {
            around.out.write_all(text.as_bytes())?;
            Ok(CLEAN)
        }
        Err(_) => Ok(FOUND),
    }
}

/// How many mistakes are printed.
const MAX_SHOWN: usize = 100;

/// What becomes of a request.
struct Answer {
    definition: Definition,
    evaluation: Evaluation,
    /// What is printed, or all that is wrong.
    result: Result<String, Vec<BakeError>>,
    /// What buildx does otherwise than it is written.
    warnings: Vec<BakeError>,
}

impl Answer {
    /// The mistakes and warnings with their places.
    fn draw(&self, look: Look) -> String {
        let mut text = String::new();
        let mut sources: HashMap<FileId, Arc<Source>> = HashMap::new();
        let errors = self.result.as_ref().err().into_iter().flatten().map(|error| (error, Severity::Error));
        let warnings = self.warnings.iter().map(|warning| (warning, Severity::Warning));
        let all: Vec<_> = errors.chain(warnings).collect();
        for span in
            all.iter().flat_map(|(error, _)| error.span.into_iter().chain(error.labels.iter().map(|(span, _)| *span)))
        {
            if let (false, Some((name, text, _))) =
                (sources.contains_key(&span.file), self.evaluation.source(&self.definition, span))
            {
                sources.insert(span.file, Arc::new(Source::new(name, text.as_bytes())));
            }
        }
        for (error, severity) in all.iter().take(MAX_SHOWN) {
            text.push_str(&full::mistake(error, *severity, &|span| sources.get(&span.file).cloned(), look));
            text.push('\n');
        }
        if let Some(more) = all.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
            text.push_str(&format!("and {more} more mistakes\n"));
        }
        text
    }
}

/// What becomes of the request that the arguments make.
fn answer(args: &Bake, host: &System<'_>) -> Answer {
    let mut answer = Answer {
        definition: Definition::default(),
        evaluation: Evaluation::default(),
        result: Ok(String::new()),
        warnings: Vec::new(),
    };
    let request = match Request::new(args, host) {
        Ok(request) => request,
        Err(error) => {
            answer.result = Err(vec![*error]);
            return answer;
        }
    };
    answer.definition = match read(args, host) {
        Ok(definition) => definition,
        Err(message) => {
            answer.result = Err(vec![BakeError::new(message)]);
            return answer;
        }
    };
    let mut inputs = request.inputs;
    for trace in [false, true] {
        // Places are recorded only where they are needed: the second time, to tell what is wrong.
        inputs.trace = trace;
        answer.evaluation = evaluate(&answer.definition, &inputs, host);
        answer.warnings = answer.evaluation.warnings.clone();
        answer.warnings.extend(warnings(&inputs, &answer.definition, &answer.evaluation));
        answer.result = match (&answer.evaluation.errors[..], request.list) {
            ([], Some((ListKind::Targets, format))) => Ok(answer.evaluation.list_targets(format)),
            ([], Some((ListKind::Variables, format))) => Ok(answer.evaluation.list_variables(format)),
            ([], None) => {
                let (mut plan, mistakes) = answer.evaluation.partial_plan(&inputs, host);
                answer.warnings.append(&mut plan.warnings);
                if request.policies_off {
                    plan.disable_policies();
                }
                match (mistakes.is_empty(), plan.prepare(&inputs, host)) {
                    (true, Ok(())) => Ok(plan.print()),
                    (_, prepared) => Err(mistakes.into_iter().chain(prepared.err().into_iter().flatten()).collect()),
                }
            }
            (errors, _) => Err(errors.to_vec()),
        };
        if answer.evaluation.costly || (answer.result.is_ok() && answer.warnings.is_empty()) {
            break;
        }
    }
    answer
}

/// The arguments, read.
struct Request {
    inputs: Inputs,
    list: Option<(ListKind, ListFormat)>,
    policies_off: bool,
}

impl Request {
    fn new(args: &Bake, host: &System<'_>) -> Result<Self, Box<BakeError>> {
        let fail = |message: String| Box::new(BakeError::new(message));
        if let Some(url) = args.targets.first().filter(|target| is_remote(target)) {
            let message = format!("a remote definition needs a builder, and bakelint fetches nothing: {url}");
            let error = BakeError::new(message).with_argument("target", url, 0..url.len());
            return Err(Box::new(error.with_help("clone the repository and run bakelint in it")));
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
        let variables = parse_variables(&args.var).map_err(fail)?;
        let inputs = Inputs {
            targets: args.targets.clone(),
            overrides,
            variables: variables.into_iter().map(|(name, value)| (name, Eval::Known(value))).collect(),
            environment: BTreeMap::new(),
            use_environment: host.flag("BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP") != Some(true),
            relative_to_files: relative_to_files(host).map_err(fail)?,
            trace: false,
            ..Inputs::default()
        };
        let list = args.list.as_deref().map(parse_list).transpose().map_err(fail)?;
        Ok(Request { inputs, list, policies_off })
    }
}

fn read(args: &Bake, host: &System<'_>) -> Result<Definition, String> {
    let mut definition = Definition::default();
    for (index, (name, bytes)) in read_files(&args.file, host)?.into_iter().enumerate() {
        let source = Source::new(name.clone(), bytes);
        definition.files.push(DefinitionFile::parse(name, FileId(index as u32), source.text()));
    }
    Ok(definition)
}

/// What buildx silently does with variables that are given to it.
fn warnings(inputs: &Inputs, definition: &Definition, evaluation: &Evaluation) -> Vec<BakeError> {
    let mut warnings = Vec::new();
    let debug = std::env::var("DEBUG").unwrap_or_default();
    if let Some(variable) = evaluation.variables.get("DEBUG").filter(|_| !debug.is_empty() && debug != "1")
        && matches!(&variable.trace.parts, Parts::Given(Giver::Environment(name), _) if &**name == "DEBUG")
    {
        let message = format!("DEBUG={debug} of the environment reaches the variable `DEBUG` as 1");
        let warning = BakeError { span: Some(variable.trace.span), ..BakeError::new(message) };
        warnings.push(warning.with_help(
            "buildx trips here: its command line rewrites DEBUG before Bake reads it; give the variable another name",
        ));
    }
    // Compose files take every variable.
    if definition.files.iter().all(|file| file.yaml().is_none()) {
        let declared = || evaluation.variables.keys().map(String::as_str);
        let taken = |name: &str| {
            let json = name.strip_suffix("_JSON").unwrap_or(name);
            declared().any(|own| own == name || own == json)
        };
        for name in inputs.variables.keys().filter(|name| !taken(name)) {
            let warning = BakeError::new(format!("no variable `{name}` is declared, so --var {name} is ignored"));
            let warning = warning.with_argument("--var", name, 0..name.len());
            warnings.push(match nearest(name, declared()) {
                Some(near) => warning.with_help(format!("did you mean `{near}`?")),
                None => warning,
            });
        }
    }
    warnings
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
