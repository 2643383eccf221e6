//! Servers of databases, each on a free port and in a directory of its own, which end with the test
//! that started them, or when its process dies.

use super::until;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Program {
    Redis,
    Postgres,
    Memcached,
}

impl Program {
    /// Where it is, if it is here.
    fn path(self) -> Option<PathBuf> {
        let name = match self {
            Self::Redis => "redis-server",
            Self::Postgres => return postgres_programs().map(|dir| dir.join("postgres")),
            Self::Memcached => "memcached",
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places: Vec<_> = std::env::split_paths(&path).map(|dir| dir.join(name)).collect();
        places.into_iter().find(|place| place.exists())
    }

    /// The signal that ends it and its children without keeping anything.
    fn at_once(self) -> &'static str {
        // The others are started by a shell that lets them ignore this one.
        if self == Self::Postgres { "QUIT" } else { "KILL" }
    }

    /// Whether tests of it can run here; says so if not.
    pub(crate) fn is_here(self) -> bool {
        if self.path().is_some() {
            return true;
        }
        let required = std::env::var_os("HEADWATER_STORES").is_some_and(|how| how == "required");
        assert!(!required, "{self:?} is not installed, and HEADWATER_STORES=required");
        let test = thread::current().name().unwrap_or_default().to_owned();
        // Past the harness, which keeps to itself what tests that pass have printed.
        writeln!(std::io::stderr(), "skipped {test}: {self:?} is not installed").expect("a stderr");
        false
    }
}

/// Debian has several versions side by side, and does not put them on the path.
fn postgres_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut dirs: Vec<_> = versions.flatten().map(|entry| entry.path().join("bin")).collect();
    dirs.retain(|dir| dir.join("postgres").exists() && dir.join("initdb").exists());
    dirs.sort();
    dirs.pop()
}

pub(crate) struct Server {
    program: Program,
    pub(crate) port: u16,
    dir: PathBuf,
    options: Vec<String>,
    running: Mutex<Option<Running>>,
}

struct Running {
    /// Ends the server when its input ends, which it does with this process at the latest.
    guard: Child,
    pid: String,
}

impl Server {
    /// Starts a server, with these options besides those it needs.
    pub(crate) fn start(program: Program, options: &[&str]) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("headwater-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(&dir).expect("a directory");
        let options = options.iter().map(ToString::to_string).collect();
        let mut server = Self { program, port: 0, dir, options, running: Mutex::new(None) };
        if program == Program::Postgres {
            server.init_database();
        }
        // Somebody else may take the port before the server does.
        for _ in 0..5 {
            server.port = free_port();
            if server.try_start_again() {
                return server;
            }
        }
        panic!("{program:?} does not start: {}", server.log());
    }

    /// Starts it once more, on the same port and with what it has kept.
    pub(crate) fn start_again(&self) {
        until("the server starts again", || self.try_start_again());
    }

    fn try_start_again(&self) -> bool {
        let log = fs::File::create(self.dir.join("log")).expect("a file");
        let mut guard = Command::new("sh")
            .args(["-c", r#""$@" >&2 & echo $!; read -r how; kill -${how:-KILL} $!; wait"#, "sh"])
            .args(self.command())
            .current_dir(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("a shell");
        let mut pid = String::new();
        let out = guard.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut pid).expect("a line");
        let running = Running { guard, pid: pid.trim().to_owned() };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.answers() {
            if !is_alive(&running.pid) || Instant::now() > deadline {
                running.end(self.program.at_once());
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        *self.running.lock().expect("no panics") = Some(running);
        true
    }

    fn command(&self) -> Vec<String> {
        let (port, dir) = (self.port.to_string(), self.dir.display().to_string());
        let path = self.program.path().expect("it is here").display().to_string();
        let data = format!("{dir}/data");
        let needed: Vec<&str> = match self.program {
            Program::Redis => vec![&path, "--port", &port, "--bind", "127.0.0.1", "--dir", &dir],
            Program::Memcached => vec![&path, "-p", &port, "-l", "127.0.0.1", "-U", "0"],
            Program::Postgres => {
                vec![&path, "-D", &data, "-p", &port, "-h", "127.0.0.1", "-k", &dir]
            }
        };
        let mut command = as_other_user(self.program);
        command.extend(needed.into_iter().map(str::to_owned));
        if self.program == Program::Memcached && we_are_root() {
            // Which it does only when told.
            command.extend(["-u", "root"].map(str::to_owned));
        }
        command.extend(self.options.iter().cloned());
        command
    }

    /// Whether it is ready for requests, and not just for connections.
    fn answers(&self) -> bool {
        let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        drop(stream);
        self.program != Program::Postgres
            || fs::read_to_string(self.dir.join("data/postmaster.pid"))
                .is_ok_and(|file| file.lines().nth(7).is_some_and(|line| line.trim() == "ready"))
    }

    fn init_database(&self) {
        let mut command = as_other_user(self.program);
        if !command.is_empty() {
            let owned = Command::new("chown").arg("postgres").arg(&self.dir).status();
            assert!(owned.expect("chown").success(), "the directory is given to postgres");
        }
        let initdb = postgres_programs().expect("it is here").join("initdb").display().to_string();
        let data = self.dir.join("data").display().to_string();
        let options = ["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8"];
        command.extend([initdb, "-D".into(), data]);
        command.extend(options.map(str::to_owned));
        let done = run(&command, &self.dir);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// Ends it without warning.
    pub(crate) fn kill(&self) {
        let running = self.running.lock().expect("no panics").take();
        running.expect("it runs").end("KILL");
        until("the port is closed", || !self.answers());
    }

    /// Ends it so that it keeps what it has.
    pub(crate) fn shut_down(&self) {
        let running = self.running.lock().expect("no panics").take().expect("it runs");
        // Postgres waits for its clients to leave at TERM.
        running.end(if self.program == Program::Postgres { "INT" } else { "TERM" });
    }

    /// Lets it stand still, as on a machine that hangs.
    pub(crate) fn stall(&self) {
        self.all_processes().iter().for_each(|pid| signal(pid, "STOP"));
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.all_processes().iter().for_each(|pid| signal(pid, "CONT"));
    }

    /// Its own and those of its children, which Postgres has.
    fn all_processes(&self) -> Vec<String> {
        let running = self.running.lock().expect("no panics");
        let pid = running.as_ref().expect("it runs").pid.clone();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let mut all = vec![pid];
        all.extend(children.unwrap_or_default().split_whitespace().map(str::to_owned));
        all
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.running.get_mut().ok().and_then(Option::take) {
            running.end(self.program.at_once());
        }
        // What stays is in the system's directory for what may be deleted.
        fs::remove_dir_all(&self.dir).ok();
    }
}

impl Running {
    /// By this signal.
    fn end(mut self, how: &str) {
        let mut stdin = self.guard.stdin.take().expect("piped");
        writeln!(stdin, "{how}").expect("the shell reads");
        drop(stdin);
        self.guard.wait().expect("the shell ends");
    }
}

/// Postgres does not run as root.
fn as_other_user(program: Program) -> Vec<String> {
    let words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
    if program == Program::Postgres && we_are_root() {
        words.map(str::to_owned).into()
    } else {
        Vec::new()
    }
}

fn we_are_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn run(command: &[impl AsRef<OsStr>], dir: &Path) -> std::process::Output {
    let (program, args) = command.split_first().expect("a program");
    Command::new(program).args(args).current_dir(dir).output().expect("it runs")
}

fn signal(pid: &str, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), pid]).status();
    assert!(sent.expect("kill runs").success() || !is_alive(pid), "kill -{name} {pid}");
}

/// A process that has ended and that nobody has waited for is dead.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
