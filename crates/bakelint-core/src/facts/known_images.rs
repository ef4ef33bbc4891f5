//! What well-known base images bring into a stage: the environment and working directory that their public Dockerfiles
//! set.
//!
//! BuildKit asks the registry for a base image's configuration. Nothing is asked here, so this table stands in for it: the
//! names that the images of a repository set in any current version. A value is given where all versions agree on it.

use crate::syntax::image::{DEFAULT_DOMAIN, ImageRef};
use crate::syntax::platform::Platform;

/// What is known about an image without asking for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownImage {
    /// Name of the repository as people write it; a `*` at the end stands for anything.
    name: &'static str,
    /// Variables that it sets: `NAME` or `NAME=value`.
    env: &'static [&'static str],
    /// The working directory; `None` if it depends on the version. Images that set none are at `/`.
    pub workdir: Option<&'static str>,
    /// Whether the list of variables is whole.
    pub complete: bool,
    /// Whether it sets a SHELL.
    pub sets_shell: bool,
}

impl KnownImage {
    /// The variables that the image sets, with their values where all versions agree.
    pub fn env(&self) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
        self.env.iter().map(|entry| match entry.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (*entry, None),
        })
    }
}

const fn image(name: &'static str, env: &'static [&'static str]) -> KnownImage {
    KnownImage { name, env, workdir: Some("/"), complete: true, sets_shell: false }
}

const fn placed(name: &'static str, workdir: Option<&'static str>, env: &'static [&'static str]) -> KnownImage {
    KnownImage { workdir, ..image(name, env) }
}

/// An image of which only some variables are known.
const fn partly(name: &'static str, env: &'static [&'static str]) -> KnownImage {
    KnownImage { workdir: None, complete: false, ..image(name, env) }
}

const fn with_shell(name: &'static str, env: &'static [&'static str]) -> KnownImage {
    KnownImage { sets_shell: true, ..partly(name, env) }
}

const JAVA: &[&str] = &["JAVA_HOME", "JAVA_VERSION", "LANG", "LANGUAGE", "LC_ALL"];

/// Sorted by name.
const IMAGES: &[KnownImage] = &[
    image("almalinux", &[]),
    image("alpine", &[]),
    image("amazoncorretto", JAVA),
    image("amazonlinux", &[]),
    image("archlinux", &["LANG"]),
    partly("bitnami/*", &["APP_VERSION", "BITNAMI_APP_NAME", "HOME", "OS_ARCH", "OS_FLAVOUR", "OS_NAME"]),
    image("buildpack-deps", &[]),
    image("busybox", &[]),
    placed("caddy", Some("/srv"), &["CADDY_VERSION", "XDG_CONFIG_HOME=/config", "XDG_DATA_HOME=/data"]),
    image("centos", &[]),
    with_shell("cimg/*", &["LANG", "TERM", "TZ"]),
    placed(
        "composer",
        Some("/app"),
        &[
            "COMPOSER_ALLOW_SUPERUSER",
            "COMPOSER_HOME",
            "COMPOSER_MAX_PARALLEL_HTTP",
            "COMPOSER_VERSION",
            "GPG_KEYS",
            "PHPIZE_DEPS",
            "PHP_ASC_URL",
            "PHP_CFLAGS",
            "PHP_CPPFLAGS",
            "PHP_INI_DIR",
            "PHP_LDFLAGS",
            "PHP_SHA256",
            "PHP_URL",
            "PHP_VERSION",
        ],
    ),
    image("debian", &[]),
    placed(
        "denoland/deno",
        None,
        &["DENO_DIR", "DENO_INSTALL_ROOT", "DENO_USE_TTY", "DENO_VERSION", "LD_LIBRARY_PATH"],
    ),
    image("docker", &["DOCKER_BUILDX_VERSION", "DOCKER_COMPOSE_VERSION", "DOCKER_TLS_CERTDIR", "DOCKER_VERSION"]),
    image("eclipse-temurin", JAVA),
    image("elixir", &["ELIXIR_VERSION", "LANG", "OTP_VERSION", "REBAR3_VERSION", "REBAR_VERSION"]),
    image("erlang", &["LANG", "OTP_VERSION", "REBAR3_VERSION", "REBAR_VERSION"]),
    image("fedora", &["DISTTAG", "FGC", "container"]),
    placed("gcr.io/distroless/*", None, &["JAVA_VERSION", "LANG", "LC_ALL", "SSL_CERT_FILE"]),
    placed("golang", Some("/go"), &["GOLANG_VERSION", "GOPATH=/go", "GOTOOLCHAIN"]),
    placed("gradle", Some("/home/gradle"), &["GRADLE_HOME", "GRADLE_VERSION", "JAVA_HOME", "JAVA_VERSION", "LANG"]),
    placed("haproxy", None, &["HAPROXY_SHA256", "HAPROXY_URL", "HAPROXY_VERSION"]),
    placed(
        "httpd",
        Some("/usr/local/apache2"),
        &["HTTPD_PATCHES", "HTTPD_PREFIX=/usr/local/apache2", "HTTPD_SHA256", "HTTPD_VERSION"],
    ),
    image("julia", &["JULIA_GPG", "JULIA_PATH=/usr/local/julia", "JULIA_VERSION"]),
    with_shell("jupyter/*", &["CONDA_DIR", "HOME", "LANG", "LANGUAGE", "LC_ALL", "NB_GID", "NB_UID", "NB_USER"]),
    with_shell("mambaorg/*", &["ENV_NAME", "MAMBA_EXE", "MAMBA_ROOT_PREFIX", "MAMBA_USER"]),
    image("mariadb", &["GOSU_VERSION", "LANG", "MARIADB_MAJOR", "MARIADB_VERSION"]),
    placed("maven", None, &["JAVA_HOME", "JAVA_VERSION", "LANG", "MAVEN_CONFIG", "MAVEN_HOME", "MAVEN_VERSION"]),
    placed(
        "mcr.microsoft.com/dotnet/*",
        None,
        &[
            "APP_UID",
            "ASPNETCORE_HTTP_PORTS",
            "ASPNETCORE_URLS",
            "ASPNET_VERSION",
            "DOTNET_GENERATE_ASPNET_CERTIFICATE",
            "DOTNET_NOLOGO",
            "DOTNET_RUNNING_IN_CONTAINER",
            "DOTNET_SDK_VERSION",
            "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT",
            "DOTNET_USE_POLLING_FILE_WATCHER",
            "DOTNET_VERSION",
            "Logging__Console__FormatterName",
            "NUGET_XMLDOC_MODE",
            "POWERSHELL_DISTRIBUTION_CHANNEL",
        ],
    ),
    placed("mcr.microsoft.com/windows/*", None, &[]),
    image("memcached", &["MEMCACHED_SHA1", "MEMCACHED_URL", "MEMCACHED_VERSION"]),
    placed(
        "mongo",
        None,
        &[
            "GLIBC_TUNABLES",
            "GOSU_VERSION",
            "HOME",
            "JSYAML_CHECKSUM",
            "JSYAML_VERSION",
            "MONGO_MAJOR",
            "MONGO_PACKAGE",
            "MONGO_REPO",
            "MONGO_VERSION",
        ],
    ),
    image("mysql", &["GOSU_VERSION", "MYSQL_MAJOR", "MYSQL_SHELL_VERSION", "MYSQL_VERSION"]),
    image("nginx", &["ACME_VERSION", "DYNPKG_RELEASE", "NGINX_VERSION", "NJS_RELEASE", "NJS_VERSION", "PKG_RELEASE"]),
    image("node", &["NODE_VERSION", "YARN_VERSION"]),
    partly(
        "nvidia/cuda",
        &[
            "CUDA_HOME",
            "CUDA_VERSION",
            "LD_LIBRARY_PATH",
            "LIBRARY_PATH",
            "NVARCH",
            "NVIDIA_DRIVER_CAPABILITIES",
            "NVIDIA_REQUIRE_CUDA",
            "NVIDIA_VISIBLE_DEVICES",
        ],
    ),
    image("openjdk", &["JAVA_HOME", "JAVA_VERSION", "LANG"]),
    image("opensuse/leap", &[]),
    image("opensuse/tumbleweed", &[]),
    image("oraclelinux", &[]),
    placed("oven/bun", Some("/home/bun/app"), &["BUN_INSTALL_BIN", "BUN_RUNTIME_TRANSPILER_CACHE_PATH"]),
    image("perl", &["PERL_VERSION"]),
    placed(
        "php",
        None,
        &[
            "APACHE_CONFDIR",
            "APACHE_ENVVARS",
            "GPG_KEYS",
            "PHPIZE_DEPS",
            "PHP_ASC_URL",
            "PHP_CFLAGS",
            "PHP_CPPFLAGS",
            "PHP_EXTRA_BUILD_DEPS",
            "PHP_EXTRA_CONFIGURE_ARGS",
            "PHP_INI_DIR=/usr/local/etc/php",
            "PHP_LDFLAGS",
            "PHP_SHA256",
            "PHP_URL",
            "PHP_VERSION",
        ],
    ),
    image(
        "postgres",
        &["DOCKER_PG_LLVM_DEPS", "GOSU_VERSION", "LANG", "PGDATA", "PG_MAJOR", "PG_SHA256", "PG_VERSION"],
    ),
    image(
        "python",
        &[
            "GPG_KEY",
            "LANG",
            "PYTHON_GET_PIP_SHA256",
            "PYTHON_GET_PIP_URL",
            "PYTHON_PIP_VERSION",
            "PYTHON_SETUPTOOLS_VERSION",
            "PYTHON_SHA256",
            "PYTHON_VERSION",
        ],
    ),
    with_shell("quay.io/jupyter/*", &["CONDA_DIR", "HOME", "LANG", "LC_ALL", "NB_GID", "NB_UID", "NB_USER"]),
    image("r-base", &["LANG", "LC_ALL", "R_BASE_VERSION"]),
    partly(
        "rabbitmq",
        &["HOME", "LANG", "LANGUAGE", "LC_ALL", "RABBITMQ_DATA_DIR", "RABBITMQ_HOME", "RABBITMQ_VERSION"],
    ),
    placed("redis", Some("/data"), &["GOSU_VERSION", "REDIS_DOWNLOAD_SHA", "REDIS_DOWNLOAD_URL", "REDIS_VERSION"]),
    image("registry.access.redhat.com/ubi8", &["container"]),
    image("registry.access.redhat.com/ubi8/ubi", &["container"]),
    image("registry.access.redhat.com/ubi8/ubi-micro", &["container"]),
    image("registry.access.redhat.com/ubi8/ubi-minimal", &["container"]),
    image("registry.access.redhat.com/ubi9", &["container"]),
    image("registry.access.redhat.com/ubi9/ubi", &["container"]),
    image("registry.access.redhat.com/ubi9/ubi-micro", &["container"]),
    image("registry.access.redhat.com/ubi9/ubi-minimal", &["container"]),
    partly("rocker/*", &["CRAN", "DEFAULT_USER", "LANG", "NB_USER", "R_HOME", "R_VERSION", "S6_VERSION", "TZ"]),
    image("rockylinux", &[]),
    image(
        "ruby",
        &[
            "BUNDLE_APP_CONFIG=/usr/local/bundle",
            "BUNDLE_SILENCE_ROOT_WARNING",
            "GEM_HOME=/usr/local/bundle",
            "LANG",
            "RUBY_DOWNLOAD_SHA256",
            "RUBY_DOWNLOAD_URL",
            "RUBY_MAJOR",
            "RUBY_VERSION",
        ],
    ),
    image("rust", &["CARGO_HOME=/usr/local/cargo", "RUSTUP_HOME=/usr/local/rustup", "RUST_VERSION"]),
    image("swift", &["SWIFT_BRANCH", "SWIFT_PLATFORM", "SWIFT_SIGNING_KEY", "SWIFT_VERSION", "SWIFT_WEBROOT"]),
    placed(
        "tomcat",
        Some("/usr/local/tomcat"),
        &[
            "CATALINA_HOME=/usr/local/tomcat",
            "GPG_KEYS",
            "JAVA_HOME",
            "JAVA_VERSION",
            "LANG",
            "LANGUAGE",
            "LC_ALL",
            "LD_LIBRARY_PATH",
            "TOMCAT_MAJOR",
            "TOMCAT_NATIVE_LIBDIR",
            "TOMCAT_SHA512",
            "TOMCAT_VERSION",
        ],
    ),
    image("ubuntu", &[]),
];

/// Variables that images commonly set without standing in the table: tool homes, search paths and what the images of
/// application platforms document.
const COMMON: &[&str] = &[
    "ANDROID_HOME",
    "ANDROID_SDK_ROOT",
    "APP_DATA",
    "APP_HOME",
    "APP_ROOT",
    "CLASSPATH",
    "CONDA_PREFIX",
    "CPATH",
    "CPLUS_INCLUDE_PATH",
    "C_INCLUDE_PATH",
    "DEBIAN_FRONTEND",
    "DYLD_LIBRARY_PATH",
    "ES_HOME",
    "FLINK_HOME",
    "GOROOT",
    "HADOOP_HOME",
    "HIVE_HOME",
    "HOME",
    "JBOSS_HOME",
    "JENKINS_HOME",
    "JETTY_BASE",
    "JETTY_HOME",
    "JRE_HOME",
    "KAFKA_HOME",
    "LESSOPEN",
    "MANPATH",
    "NODE_ENV",
    "NODE_PATH",
    "NVM_DIR",
    "PERL5LIB",
    "PKG_CONFIG_PATH",
    "PYTHONPATH",
    "PYTHON_VERSION",
    "R_LIBS",
    "SPARK_HOME",
    "STI_SCRIPTS_PATH",
    "STI_SCRIPTS_URL",
    "TZ",
    "VIRTUAL_ENV",
    "ZOOKEEPER_HOME",
];

/// What the table says about an image. The copies of official images on other registries are known by their path.
pub fn known_image(image: &ImageRef) -> Option<&'static KnownImage> {
    let name = match image.path.rsplit_once("library/") {
        Some((before, name)) if before.is_empty() || before.ends_with('/') => name.to_owned(),
        _ => image.familiar_name(),
    };
    let matches = |known: &&KnownImage| match known.name.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => known.name == name,
    };
    IMAGES.iter().find(matches)
}

/// The platform of images that are for one only, by their name: Docker's official images have a repository for each processor.
pub fn only_platform(image: &ImageRef) -> Option<Platform> {
    let (folder, _) = image.path.split_once('/').filter(|_| image.domain == DEFAULT_DOMAIN)?;
    let (os, architecture, variant) = match folder {
        "amd64" | "s390x" | "ppc64le" | "riscv64" => ("linux", folder, ""),
        "i386" => ("linux", "386", ""),
        "arm64v8" => ("linux", "arm64", "v8"),
        "arm32v5" => ("linux", "arm", "v5"),
        "arm32v6" => ("linux", "arm", "v6"),
        "arm32v7" => ("linux", "arm", "v7"),
        "winamd64" => ("windows", "amd64", ""),
        _ => return None,
    };
    Some(Platform::new(os, architecture, variant))
}

/// Whether images are known to set a variable of that name, so that an unknown image may well set it too.
pub fn is_image_variable(name: &str) -> bool {
    const PREFIXES: &[&str] = &["BITNAMI_", "CUDA_", "NVIDIA_", "NV_"];
    name == "PATH"
        || COMMON.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || IMAGES.iter().any(|image| image.env().any(|(own, _)| own == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Option<&'static str> {
        ImageRef::parse(text).ok().and_then(|image| known_image(&image)).map(|known| known.name)
    }

    #[test]
    fn images_are_found_by_repository() {
        assert_eq!(known("node:22"), Some("node"));
        assert_eq!(known("docker.io/library/node"), Some("node"));
        assert_eq!(known("public.ecr.aws/docker/library/node:22"), Some("node"));
        assert_eq!(known("gcr.io/distroless/static-debian12"), Some("gcr.io/distroless/*"));
        assert_eq!(known("acme/node"), None);
    }

    #[test]
    fn the_table_is_sorted_and_has_no_name_twice() {
        assert!(IMAGES.is_sorted_by(|a, b| a.name < b.name));
        assert!(COMMON.is_sorted());
        assert!(is_image_variable("JAVA_HOME") && is_image_variable("PATH") && !is_image_variable("APP_VERSON"));
    }
}
