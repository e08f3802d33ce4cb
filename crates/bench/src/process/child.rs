//! One process: its signals, its log, its end.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::error::ProcessError;

/// How often the end of a process is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How long a process may take to halt; one that has ended never does.
const HALT: Duration = Duration::from_secs(1);

/// How many lines of a log an error shows.
const LOG_LINES: usize = 20;

/// How a process is started, each time the same.
#[derive(Clone, Debug)]
pub struct Spec {
    /// What messages call it.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// What is added to its environment, of which it gets nothing else but `PATH`:
    /// the `ETCD_…` variables of whoever starts a test must not steer it.
    pub env: Vec<(OsString, OsString)>,
    /// The file that its standard output and error are appended to.
    pub log: PathBuf,
}

/// A process that is started and ended as often as one likes, and that is killed
/// at the latest when this value is dropped.
#[derive(Debug)]
pub struct Process {
    spec: Spec,
    child: Option<Child>,
}

impl Process {
    /// A process that is not yet started.
    pub fn new(spec: Spec) -> Self {
        Self { spec, child: None }
    }

    /// How it is started.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// How it is started from the next time on.
    pub fn spec_mut(&mut self) -> &mut Spec {
        &mut self.spec
    }

    /// Starts it. One that runs already is left as it is.
    ///
    /// # Errors
    ///
    /// [`ProcessError::NotStarted`] and [`ProcessError::NoFolder`] (of the log).
    /// A process that starts and ends at once is no error here:
    /// [`check`](Self::check) tells.
    pub fn start(&mut self) -> Result<(), ProcessError> {
        if self.child.is_some() {
            return Ok(());
        }
        let log = self.open_log().map_err(|source| ProcessError::NoFolder {
            path: self.spec.log.display().to_string(),
            source,
        })?;
        let not_started = |source| ProcessError::NotStarted {
            program: self.spec.program.display().to_string(),
            source,
        };
        let for_errors = log.try_clone().map_err(not_started)?;
        let mut command = Command::new(&self.spec.program);
        command.args(&self.spec.args).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.envs(self.spec.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log).stderr(for_errors);
        self.child = Some(command.spawn().map_err(not_started)?);
        Ok(())
    }

    /// The process's id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it was started and not ended since by this value.
    pub fn is_started(&self) -> bool {
        self.child.is_some()
    }

    /// Looks whether it ended by itself. One that was not started has not.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Ended`], with the end of its log.
    pub fn check(&mut self) -> Result<(), ProcessError> {
        let Some(child) = &mut self.child else { return Ok(()) };
        match child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                self.child = None;
                Err(ProcessError::Ended {
                    name: self.spec.name.clone(),
                    status: status.to_string(),
                    log: self.log_end(),
                })
            }
            Err(source) => Err(self.no_signal(source)),
        }
    }

    /// Kills it (SIGKILL): it can do nothing more, not even flush a buffer. One
    /// that does not run is left as it is.
    ///
    /// # Errors
    ///
    /// [`ProcessError::NoSignal`].
    pub fn kill(&mut self) -> Result<(), ProcessError> {
        let Some(child) = &mut self.child else { return Ok(()) };
        let ended = child.kill().and_then(|()| child.wait());
        match ended {
            Ok(_) => {
                self.child = None;
                Ok(())
            }
            Err(source) => Err(self.no_signal(source)),
        }
    }

    /// Asks it to stop (SIGTERM) and waits until it did.
    ///
    /// # Errors
    ///
    /// [`ProcessError::NotRunning`], [`ProcessError::NoSignal`], and
    /// [`ProcessError::TooLate`] if it still runs after the limit; it then still does.
    pub fn stop(&mut self, limit: Duration) -> Result<ExitStatus, ProcessError> {
        self.signal(Signal::TERM)?;
        self.wait(limit)
    }

    /// Waits until it ended.
    ///
    /// # Errors
    ///
    /// As [`stop`](Self::stop).
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus, ProcessError> {
        let began = Instant::now();
        loop {
            let Some(child) = &mut self.child else { return Err(self.not_running()) };
            match child.try_wait() {
                Ok(Some(status)) => {
                    self.child = None;
                    return Ok(status);
                }
                Ok(None) if began.elapsed() >= limit => {
                    return Err(ProcessError::TooLate {
                        what: format!("the end of {}", self.spec.name),
                        limit,
                        last: "it still runs".into(),
                        log: self.log_end(),
                    });
                }
                Ok(None) => thread::sleep(LOOK_AGAIN),
                Err(source) => return Err(self.no_signal(source)),
            }
        }
    }

    /// Halts it (SIGSTOP): to its peers it looks like a machine that hangs. It has
    /// halted on return: a signal sent next could otherwise overtake this one.
    ///
    /// # Errors
    ///
    /// [`ProcessError::NotRunning`] and [`ProcessError::NoSignal`].
    pub fn pause(&self) -> Result<(), ProcessError> {
        self.signal(Signal::STOP)?;
        let pid = self.pid().ok_or_else(|| self.not_running())?;
        let began = Instant::now();
        while !is_halted(pid) && began.elapsed() < HALT {
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Lets a halted process go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// [`ProcessError::NotRunning`] and [`ProcessError::NoSignal`].
    pub fn resume(&self) -> Result<(), ProcessError> {
        self.signal(Signal::CONT)
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        last_lines(&self.spec.log, LOG_LINES)
    }

    fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        let pid = self.pid().ok_or_else(|| self.not_running())?;
        let as_raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let Some(target) = as_raw else { return Err(self.not_running()) };
        rustix::process::kill_process(target, signal).map_err(|errno| self.no_signal(errno.into()))
    }

    fn open_log(&self) -> io::Result<File> {
        if let Some(folder) = self.spec.log.parent() {
            fs::create_dir_all(folder)?;
        }
        OpenOptions::new().create(true).append(true).open(&self.spec.log)
    }

    fn not_running(&self) -> ProcessError {
        ProcessError::NotRunning { name: self.spec.name.clone() }
    }

    fn no_signal(&self, source: io::Error) -> ProcessError {
        let pid = self.pid().unwrap_or_default();
        ProcessError::NoSignal { name: self.spec.name.clone(), pid, source }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that cannot be killed is gone, or not ours any more.
        let _ = self.kill();
    }
}

fn last_lines(path: &Path, count: usize) -> String {
    match fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(count)..].join("\n")
        }
        Err(error) => format!("({} cannot be read: {error})", path.display()),
    }
}

/// Whether a process is halted by a signal, by its state in `proc_pid_stat(5)`.
fn is_halted(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, state)| state.trim_start().starts_with('T'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn shell(folder: &Path, script: &str) -> Process {
        Process::new(Spec {
            name: "shell".into(),
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![("WORD".into(), "said".into())],
            log: folder.join("logs/shell.log"),
        })
    }

    fn until_it_says(process: &Process, word: &str) {
        let began = Instant::now();
        while !process.log_end().contains(word) {
            assert!(began.elapsed() < LIMIT, "never said {word}: {}", process.log_end());
            thread::sleep(LOOK_AGAIN);
        }
    }

    #[test]
    fn a_process_is_stopped_paused_and_killed() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "trap 'echo stopped; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
        let mut process = shell(folder.path(), script);
        process.start().expect("starts");
        until_it_says(&process, "ready");
        process.check().expect("runs");
        assert_eq!(process.stop(LIMIT).expect("stops").code(), Some(3));
        assert!(process.log_end().ends_with("stopped"));
        assert!(matches!(process.stop(LIMIT), Err(ProcessError::NotRunning { .. })));

        process.start().expect("starts again");
        process.pause().expect("pauses");
        let too_late = process.stop(Duration::from_millis(50)).expect_err("does not hear");
        assert!(too_late.to_string().contains("the end of shell"), "{too_late}");
        process.resume().expect("resumes");
        process.wait(LIMIT).expect("hears now");

        process.start().expect("starts again");
        process.kill().expect("killed");
        process.kill().expect("killed twice is killed");
        assert!(!process.is_started());
    }

    #[test]
    fn an_end_by_itself_is_told_with_the_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = shell(folder.path(), "echo last words $WORD; exit 7");
        process.start().expect("starts");
        let began = Instant::now();
        let error = loop {
            match process.check() {
                Err(error) => break error,
                Ok(()) => assert!(began.elapsed() < LIMIT, "never ended"),
            }
            thread::sleep(LOOK_AGAIN);
        };
        let text = error.to_string();
        assert!(text.contains("exit status: 7") && text.contains("last words said"), "{text}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = shell(folder.path(), "");
        process.spec_mut().program = "/nowhere/balsa".into();
        let error = process.start().expect_err("is not there");
        assert!(error.to_string().contains("/nowhere/balsa could not be started"), "{error}");
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = shell(folder.path(), "while :; do sleep 0.01; done");
        process.start().expect("starts");
        let pid = process.pid().expect("runs");
        drop(process);
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{pid} lives on");
    }
}
