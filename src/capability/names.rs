//! Modules, globals and members that stand for a capability.

use super::Capability;

/// What importing a module is for; `None` for modules that only some members of are for anything.
pub(super) fn of_module(name: &str) -> Option<Capability> {
    Some(match name {
        "http"
        | "https"
        | "http2"
        | "net"
        | "tls"
        | "dgram"
        | "dns"
        | "dns/promises"
        | "axios"
        | "got"
        | "node-fetch"
        | "node-fetch-native"
        | "cross-fetch"
        | "isomorphic-fetch"
        | "whatwg-fetch"
        | "unfetch"
        | "undici"
        | "request"
        | "request-promise"
        | "request-promise-native"
        | "superagent"
        | "ws"
        | "socket.io-client"
        | "needle"
        | "ky"
        | "phin"
        | "bent"
        | "centra"
        | "make-fetch-happen"
        | "follow-redirects"
        | "nodemailer"
        | "ssh2"
        | "ftp"
        | "xmlhttprequest"
        | "eventsource"
        | "simple-get" => Capability::Network,
        "child_process" | "execa" | "cross-spawn" | "shelljs" | "node-pty" | "worker_threads" | "cluster" | "zx"
        | "tinyexec" | "open" | "ffi-napi" | "koffi" => Capability::Process,
        "fs" | "fs/promises" | "fs-extra" | "graceful-fs" | "rimraf" | "del" | "jsonfile" | "write-file-atomic" => {
            Capability::FileSystem
        }
        "vm" | "vm2" | "isolated-vm" | "inspector" | "inspector/promises" => Capability::DynamicCode,
        "keytar" => Capability::Environment,
        _ => return None,
    })
}

/// What a member of a module is for, where the module says less.
pub(super) fn of_member(module: &str, member: &str) -> Option<Capability> {
    match (module, member) {
        ("os", "homedir" | "userInfo" | "hostname" | "networkInterfaces") => Some(Capability::Environment),
        ("module", "_load" | "_compile" | "prototype._compile" | "registerHooks") => Some(Capability::DynamicCode),
        ("http" | "https", "STATUS_CODES" | "METHODS" | "globalAgent") => None,
        ("net", "isIP" | "isIPv4" | "isIPv6") | (_, "") => None,
        _ if member.starts_with("constants.") => None,
        _ => of_module(module),
    }
}

/// What calling a global function, or constructing it, is for.
pub(super) fn of_call(name: &str) -> Option<Capability> {
    match name {
        "fetch"
        | "XMLHttpRequest"
        | "WebSocket"
        | "EventSource"
        | "navigator.sendBeacon"
        | "RTCPeerConnection"
        | "WebTransport"
        | "importScripts" => Some(Capability::Network),
        "eval"
        | "Function"
        | "execScript"
        | "eval.apply"
        | "eval.bind"
        | "eval.call"
        | "Function.apply"
        | "Function.bind"
        | "Function.call"
        | "Function.prototype.constructor" => Some(Capability::DynamicCode),
        "process.binding"
        | "process.dlopen"
        | "process._linkedBinding"
        | "Bun.spawn"
        | "Bun.spawnSync"
        | "Deno.run"
        | "Deno.Command" => Some(Capability::Process),
        "Deno.readTextFile" | "Deno.writeTextFile" | "Deno.readFile" | "Deno.writeFile" | "Bun.file" | "Bun.write" => {
            Some(Capability::FileSystem)
        }
        "Deno.env.get"
        | "Deno.env.toObject"
        | "os.homedir"
        | "os.userInfo"
        | "os.hostname"
        | "os.networkInterfaces" => Some(Capability::Environment),
        _ => None,
    }
}

/// Names that are dangerous to hand on as well as to call.
pub(super) fn of_handed(name: &str) -> Option<Capability> {
    match name {
        "eval" | "fetch" | "XMLHttpRequest" | "WebSocket" | "EventSource" => of_call(name),
        // Who gets it can load anything.
        "require" => Some(Capability::DynamicCode),
        _ => None,
    }
}

/// Whether a member of this name is a function whatever it is a member of; a constructor's constructor is one, too.
pub(super) fn is_method_of_everything(name: &str) -> bool {
    matches!(
        name,
        "constructor"
            | "hasOwnProperty"
            | "isPrototypeOf"
            | "propertyIsEnumerable"
            | "toLocaleString"
            | "toString"
            | "valueOf"
            | "__defineGetter__"
            | "__lookupGetter__"
    )
}

/// The module that a name stands for by convention, where the text that would import it is not at hand.
pub(super) fn by_convention(name: &str, member: &str) -> Option<&'static str> {
    let is_start = matches!(member, "exec" | "execSync" | "execFile" | "execFileSync" | "spawn" | "spawnSync" | "fork");
    Some(match name {
        "child_process" | "childProcess" | "cp" if is_start => "child_process",
        "fs" | "fsp" | "fse" => "fs",
        "http" if matches!(member, "request" | "get") => "http",
        "https" if matches!(member, "request" | "get") => "https",
        "net" if matches!(member, "connect" | "createConnection" | "Socket") => "net",
        "tls" if member == "connect" => "tls",
        "dgram" if member == "createSocket" => "dgram",
        "dns" if matches!(member, "lookup" | "resolve" | "resolveTxt" | "resolve4") => "dns",
        "vm" if member.starts_with("run") || member == "Script" => "vm",
        "axios" if matches!(member, "get" | "post" | "put" | "request" | "head" | "patch") => "axios",
        _ => return None,
    })
}

/// Whether other code relies on this global, so that setting it changes what that code does.
pub(super) fn is_relied_on(path: &str) -> bool {
    let root = path.split('.').next().unwrap_or(path);
    match root {
        "fetch" | "eval" | "WebSocket" | "EventSource" | "XMLHttpRequest" => {
            path == root || path.contains(".prototype.")
        }
        "ethereum" | "solana" | "phantom" | "tronWeb" | "tronLink" | "web3" => true,
        "Response" | "Request" | "Headers" | "HTMLFormElement" | "EventTarget" => path.contains(".prototype."),
        "navigator" => matches!(path, "navigator.sendBeacon" | "navigator.clipboard" | "navigator.clipboard.writeText"),
        "Module" => matches!(path, "Module._load" | "Module.prototype.require" | "Module._resolveFilename"),
        "process" => matches!(path, "process.binding" | "process.dlopen"),
        "require" => path.starts_with("require.extensions."),
        "JSON" => matches!(path, "JSON.parse" | "JSON.stringify"),
        _ => false,
    }
}

/// Whether a member of this module is one that other code relies on.
pub(super) fn is_shared_module(name: &str, member: &str) -> bool {
    !member.is_empty()
        && match name {
            "http" | "https" | "http2" | "net" | "tls" | "dns" | "fs" | "fs/promises" | "child_process" | "crypto" => {
                true
            }
            "module" => {
                matches!(member, "_load" | "prototype.require" | "_resolveFilename" | "prototype._compile")
                    || member.starts_with("_extensions.")
            }
            _ => false,
        }
}

/// Environment variables that say nothing about a person or a machine.
pub(super) fn is_plain_variable(path: &str) -> bool {
    matches!(path, "process.env.NODE_ENV" | "import.meta.env.MODE" | "import.meta.env.DEV" | "import.meta.env.PROD")
}

/// Parts of texts that name where secrets lie.
pub(super) const SECRETS: [&str; 28] = [
    ".npmrc",
    ".ssh/",
    "/.ssh",
    ".ssh\\",
    "id_rsa",
    "id_ed25519",
    ".aws/",
    "AWS_ACCESS_KEY",
    "AWS_SECRET",
    "AWS_SESSION",
    "AZURE_CLIENT_SECRET",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "NPM_TOKEN",
    "NODE_AUTH_TOKEN",
    ".netrc",
    ".git-credentials",
    ".docker/config.json",
    ".kube/config",
    "169.254.169.254",
    "metadata.google.internal",
    "/etc/passwd",
    "/etc/shadow",
    "wallet.dat",
    "Login Data",
    ".config/solana",
    "discord/Local Storage",
];
