//! RUN with its mounts.

use super::super::commands::{self, Surroundings};
use super::super::content::{Digest, Hasher, Selector};
use super::super::effects::{Commands, Effect, Taken};
use super::super::glob;
use super::{ConvertError, Inputs, Numbers, Operation, Output, StageBuilder, State, passed};
use crate::syntax::dockerfile::{Command, Expanded, Instruction, Mount, MountSpec, MountType, Run, Sharing};
use crate::syntax::dockerignore::clean;
use crate::syntax::shell;

impl<'a> StageBuilder<'_, 'a> {
    pub(super) fn run(
        &mut self,
        operation: Operation<'a>,
        run: &Run,
        stage: usize,
        state: &mut State,
        numbers: &mut Numbers,
        no_cache: bool,
    ) -> Result<(), ConvertError> {
        let instruction = operation.instruction;
        let mut mounts = Mounts::new();
        let args = self.run_args(instruction, run, state, &mut mounts);
        let mut environment: Vec<(String, String)> = state.env.clone();
        for mount in &run.mounts {
            let env = |name: &str| state.get(name);
            let lexer = self.lexer;
            let spec = mount
                .resolve(|text| lexer.expand(text, &env).map(|expansion| expansion.value))
                .map_err(|error| ConvertError::new(error.message, error.span))?;
            match spec.kind.unwrap_or(MountType::Bind) {
                MountType::Secret => mounts.secret(&spec),
                MountType::Ssh => {
                    let target = mounts.ssh(&spec);
                    if !environment.iter().any(|(name, _)| name == "SSH_AUTH_SOCK") {
                        environment.push(("SSH_AUTH_SOCK".into(), target));
                    }
                }
                kind @ (MountType::Bind | MountType::Cache | MountType::Tmpfs) => {
                    let mount = self.folder_mount(kind, &spec, mount, stage, state)?;
                    mounts.folders.push(mount);
                }
            }
        }
        if let Some(size) = self.input.shm_size.as_ref().filter(|size| !matches!(size.as_str(), "" | "0")) {
            let shape = Hasher::new("shm").part(size).finish();
            mounts.folders.push(RunMount { target: "/dev/shm".into(), shape, input: None, is_bind: false });
        }

        let mut hasher = Hasher::new("exec");
        let mut list = |items: &[String]| {
            hasher.add((items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| hasher.add(item));
        };
        list(&args);
        list(&environment.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>());
        let network = match run.network.as_ref().map(|network| network.as_str()) {
            None | Some("default") => self.input.network.clone().filter(|n| n != "default").unwrap_or_default(),
            Some(network) => network.to_owned(),
        };
        let security = run.security.as_ref().map_or("sandbox", |security| security.as_str());
        let hostname = passed(self.input, "BUILDKIT_SANDBOX_HOSTNAME").unwrap_or_default();
        let fixed = [state.dir.as_str(), &state.user, hostname, &network, security, &state.platform];
        list(&fixed.map(str::to_owned));
        let hosts =
            self.input.extra_hosts.iter().map(|host| host.split(['=', ':']).next().unwrap_or_default().to_owned());
        list(&hosts.collect::<Vec<_>>());
        list(&self.input.ulimits);
        list(&run.devices.iter().map(|device| format!("{}{}", device.name, device.required)).collect::<Vec<_>>());
        let commands = self.commands(instruction, run, state);
        let effect = commands.and_then(|commands| self.mounted(commands, &mounts, &state.output));
        let mut inputs = Inputs { base: state.output.clone(), from: Vec::new() };
        mounts.add_to(&mut hasher, &mut inputs);
        let inputs = inputs.finish(&mut self.converter.graph);
        let id = self.vertex(hasher.finish(), inputs, no_cache, effect.unwrap_or_default());
        state.output = Output::Vertex(id);
        self.step(operation, state, numbers, vec![id]);
        Ok(())
    }

    /// What the command is known to write.
    fn commands(&self, instruction: &Instruction, run: &Run, state: &State) -> Option<Commands> {
        let script = match &run.command {
            Command::Exec { words, .. } => shell::from_words(words, instruction.span),
            Command::Shell(_) => {
                let is_known = ["sh", "ash", "dash", "bash"].contains(&glob::base(shell_of(state).first()?));
                let script = instruction.script().filter(|script| script.interpreter.is_none() && is_known)?;
                shell::parse(&script.text, shell::Options::default())
            }
            Command::Empty => return None,
        };
        let around = Surroundings { dir: &state.dir, user: &state.user, platform: &state.platform, env: &state.env };
        commands::effect(&script, around).filter(|_| !state.platform.starts_with("windows"))
    }

    /// What commands do that have mounts: they may read a bind mount. What they leave in one, or do with a cache or a
    /// secret, is not looked into.
    fn mounted(&mut self, mut commands: Commands, mounts: &Mounts, base: &Output) -> Option<Effect> {
        if !mounts.hidden.is_empty() {
            return None;
        }
        let mut folders: Vec<&RunMount> = mounts.folders.iter().skip(1).collect();
        folders.sort_by(|a, b| a.target.cmp(&b.target));
        for mount in folders {
            if commands.write_in(&mount.target) {
                return None;
            }
            match &mount.input {
                Some((output, selector)) if mount.is_bind => commands.mounts.push(Taken {
                    source: self.taken_from(output, base),
                    selector: selector.clone(),
                    destination: mount.target.clone(),
                    unpacked: false,
                    marked: false,
                }),
                _ if commands.read_in(&mount.target) => return None,
                _ => {}
            }
        }
        Some(Effect::Commands(commands))
    }

    /// A mount that is a folder or file: what of it counts, and where its content is from.
    fn folder_mount(
        &mut self,
        kind: MountType,
        spec: &MountSpec,
        mount: &Mount,
        stage: usize,
        state: &State,
    ) -> Result<RunMount, ConvertError> {
        let (source, target, id) = (text(&spec.source), text(&spec.target), text(&spec.id));
        let absolute =
            if clean(&target).starts_with('/') { target.clone() } else { clean(&format!("/{}/{target}", state.dir)) };
        let mut input = match (&spec.from, kind) {
            (_, MountType::Tmpfs) => Output::Scratch,
            (Some(from), _) if !from.is_empty() => self.from(from, false, stage, &state.platform, mount.span)?,
            (_, MountType::Cache) => Output::Scratch,
            _ => self.main()?,
        };
        let mut path = clean(&format!("/{source}"));
        if path == "/" && (spec.uid.is_some() || spec.gid.is_some() || spec.mode.is_some()) {
            let below = match input {
                Output::Vertex(id) => (id as u64 + 1).to_le_bytes(),
                _ => [0; 8],
            };
            let made = Hasher::new("cache directory").part(access(spec, 0o755)).part(below).finish();
            input = Output::Vertex(self.source(made));
            path = "/cache".into();
        }
        let read_only = spec.read_only.unwrap_or(true);
        let mut shape = Hasher::new(kind.name()).part([u8::from(read_only)]);
        match kind {
            MountType::Cache => {
                // The id of a shared mount that is named after its target counts, others do not.
                let name = if id.is_empty() { clean(&target) } else { id };
                let shared = matches!(spec.sharing, None | Some(Sharing::Shared));
                if shared && name == absolute {
                    shape.add(passed(self.input, "BUILDKIT_CACHE_MOUNT_NS").unwrap_or_default());
                    shape.add(&name);
                }
            }
            MountType::Tmpfs => shape.add(spec.size.unwrap_or(0).to_le_bytes()),
            _ => {}
        }
        let input = (input != Output::Scratch).then(|| (input, Selector::path(path)));
        Ok(RunMount { target: absolute, shape: shape.finish(), input, is_bind: kind == MountType::Bind })
    }

    /// The command line of a RUN, and the mount of a here-document that is a program.
    fn run_args(&mut self, instruction: &Instruction, run: &Run, state: &State, mounts: &mut Mounts) -> Vec<String> {
        let mut line = match &run.command {
            Command::Exec { words, .. } => return words.iter().map(ToString::to_string).collect(),
            Command::Shell(text) => text.to_string(),
            Command::Empty => String::new(),
        };
        if let Some(script) = instruction.script().filter(|_| !instruction.heredocs.is_empty()) {
            line = script.text.to_string();
            if let (Some(_), Some(heredoc)) = (&script.interpreter, instruction.heredocs.first()) {
                let file = Hasher::new("file").part("755").part(&heredoc.name).part(&line).finish();
                let input = Some((Output::Vertex(self.source(file)), Selector::path("/")));
                let shape = Hasher::new("bind").part([1]).finish();
                mounts.folders.push(RunMount { target: "/dev/pipes/".into(), shape, input, is_bind: true });
                line = format!("/dev/pipes/{}", heredoc.name);
            }
        }
        let mut args = shell_of(state);
        args.push(line);
        args
    }
}

/// The program that commands in shell form are given to, with its options.
fn shell_of(state: &State) -> Vec<String> {
    let shell = state.config.shell.clone().filter(|shell| !shell.is_empty());
    shell.unwrap_or_else(|| match state.platform.starts_with("windows") {
        true => vec!["cmd".into(), "/S".into(), "/C".into()],
        false => vec!["/bin/sh".into(), "-c".into()],
    })
}

/// The value of an option; nothing if it is not given.
fn text(value: &Option<Expanded>) -> String {
    value.as_ref().and_then(|value| value.known()).unwrap_or_default().to_owned()
}

/// Owner and mode of a mount as they count.
fn access(spec: &MountSpec, mode: u64) -> Vec<u8> {
    let ids = [spec.uid.unwrap_or(0), spec.gid.unwrap_or(0), spec.mode.unwrap_or(mode)];
    ids.map(u64::to_le_bytes).concat()
}

struct RunMount {
    target: String,
    shape: Digest,
    input: Option<(Output, Selector)>,
    is_bind: bool,
}

/// The mounts of a RUN.
struct Mounts {
    /// Folders and files, the root file system first.
    folders: Vec<RunMount>,
    /// Secrets and sockets, which stand behind all others, in the order of the file.
    hidden: Vec<Digest>,
    sockets: usize,
}

impl Mounts {
    fn new() -> Mounts {
        let root = RunMount { target: "/".into(), shape: Hasher::new("root").finish(), input: None, is_bind: false };
        Mounts { folders: vec![root], hidden: Vec::new(), sockets: 0 }
    }

    fn hide(&mut self, target: &str, shape: Digest) {
        self.hidden.push(Hasher::new("mount").part(target).part(shape.0).finish());
    }

    fn secret(&mut self, spec: &MountSpec) {
        let (source, target) = (text(&spec.source), text(&spec.target));
        let id = if source.is_empty() { text(&spec.id) } else { source };
        let id = if id.is_empty() { glob::base(&target).to_owned() } else { id };
        let required = [u8::from(spec.required.unwrap_or(false))];
        if let Some(name) = &spec.env {
            let name = name.known().unwrap_or_default();
            self.hidden.push(Hasher::new("secret").part(&id).part(name).part(required).finish());
        }
        if spec.env.is_none() || !target.is_empty() {
            let default = format!("/run/secrets/{}", glob::base(&id));
            let target = if target.is_empty() { default } else { target };
            let shape = Hasher::new("secret").part(&id).part(access(spec, 0o400)).part(required).finish();
            self.hide(&target, shape);
        }
    }

    /// The path of the socket.
    fn ssh(&mut self, spec: &MountSpec) -> String {
        let target = text(&spec.target);
        let target = if target.is_empty() { format!("/run/buildkit/ssh_agent.{}", self.sockets) } else { target };
        self.sockets += 1;
        let required = [u8::from(spec.required.unwrap_or(false))];
        let shape = Hasher::new("ssh").part(text(&spec.id)).part(access(spec, 0o600)).part(required).finish();
        self.hide(&target, shape);
        target
    }

    /// Puts the mounts into the key. The root alone says nothing.
    fn add_to(mut self, hasher: &mut Hasher, inputs: &mut Inputs) {
        if self.folders.len() == 1 && self.hidden.is_empty() {
            return;
        }
        self.folders.sort_by(|a, b| a.target.cmp(&b.target));
        for mount in self.folders {
            hasher.add(&mount.target);
            hasher.add(mount.shape.0);
            if let Some((output, selector)) = mount.input {
                hasher.add(inputs.add(output, selector).to_le_bytes());
            }
        }
        self.hidden.iter().for_each(|hidden| hasher.add(hidden.0));
    }
}
