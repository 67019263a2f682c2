//! The command line: one file a command.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 done; 1 refused or
//! failed; 2 faults in what was given; 3 nothing of that name; 4 a person would have to be asked.

mod agents;
mod approvals;
mod audit;
mod deed;
mod delegations;
mod demo;
mod doctor;
mod duration;
mod failure;
mod grants;
mod head;
mod hello;
mod init;
mod keys;
mod notify;
mod operator;
mod operators;
mod owner;
mod peps;
mod pin;
mod place;
mod print;
mod reviews;
mod scopes;
mod screen;
mod serve;
mod sessions;
mod stopped;
mod table;
mod wrap;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use self::failure::Failure;
use crate::model::redact::formless;
use crate::model::text::{Surface, show};

/// A guard between AI agents and their tools: what exceeds an agent's scope waits for a person.
#[derive(Parser, Debug)]
#[command(name = "countersign", version, after_help = EXIT_CODES)]
struct Cli {
    /// Print results for programs, as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Ask nobody anything: end with 4 and the command to run where a person would have to be asked
    #[arg(long, global = true)]
    no_input: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// See the whole of it at work: an agent, its tools, the guard, and you in between
    Demo(demo::Args),
    /// Be one of the demo's servers
    #[command(hide = true)]
    DemoTools(demo::tools::Args),
    /// Write a configuration, a starter manifest and a data directory
    Init(init::Args),
    /// Run the guard of a configuration
    Serve(serve::Args),
    /// Put the guard between an agent and one server that speaks over its pipes
    Wrap(wrap::Args),
    /// Check manifests, explain decisions, accept changes
    Scopes(scopes::Args),
    /// Verify, read and export the record
    Audit(audit::Args),
    /// Say what is misconfigured, which guarantees are switched off, and how far agents are kept apart
    Doctor(doctor::Args),
    /// See and decide what waits for a person
    Approvals(approvals::Args),
    /// See, pause, resume and revoke agents; issue keys
    Agents(agents::Args),
    /// See, pause, resume and revoke sessions
    Sessions(sessions::Args),
    /// See and revoke what approvals have left
    Grants(grants::Args),
    /// See who broke the glass, and judge it
    Reviews(reviews::Args),
    /// Issue, list and revoke keys of enforcement points, which run calls with permits
    Peps(peps::Args),
    /// See, accept and refuse what servers present
    Pin(pin::Args),
    /// See, test and switch on how people are told what waits
    Notify(notify::Args),
    /// See and change the guard's own keys
    Keys(keys::Args),
    /// Add, list and remove those who may approve
    Operators(operators::Args),
    /// Let somebody vote in your stead for a time
    Delegations(delegations::Args),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let level = match cli.command {
        Command::Serve(_) => "info",
        _ => "warn",
    };
    trace(level);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            print::tell(format!("error: no runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(run(cli));
    // A read from a terminal that nobody ends must not keep the process.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            match &failure {
                Failure::Faults(_) => print::tell(failure.to_string()),
                _ => print::tell(format!("error: {failure}")),
            }
            ExitCode::from(failure.code())
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let as_json = cli.json;
    match cli.command {
        Command::Demo(args) => demo::run(args, as_json, cli.no_input).await,
        Command::DemoTools(args) => demo::tools::run(&args),
        Command::Init(args) => init::run(&args, as_json),
        Command::Serve(args) => serve::run(args).await,
        Command::Wrap(args) => wrap::run(args).await,
        Command::Scopes(args) => scopes::run(args, as_json).await,
        Command::Audit(args) => audit::run(args, as_json).await,
        Command::Doctor(args) => doctor::run(&args, as_json),
        Command::Approvals(args) => approvals::run(args, as_json, cli.no_input).await,
        Command::Agents(args) => agents::run(args, as_json).await,
        Command::Sessions(args) => sessions::run(args, as_json).await,
        Command::Grants(args) => grants::run(args, as_json).await,
        Command::Reviews(args) => reviews::run(args, as_json).await,
        Command::Peps(args) => peps::run(args, as_json).await,
        Command::Pin(args) => pin::run(args, as_json).await,
        Command::Notify(args) => notify::run(args, as_json).await,
        Command::Keys(args) => keys::run(args, as_json).await,
        Command::Operators(args) => operators::run(args, as_json).await,
        Command::Delegations(args) => delegations::run(args, as_json).await,
    }
}

/// Tells on standard error what happens: standard output may be an agent's.
fn trace(level: &str) {
    let filter = EnvFilter::try_from_env("COUNTERSIGN_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("countersign={level},warn")));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .fmt_fields(debug_fn(tell_field).delimited(" "))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

/// A field of an event: whoever wrote it, it cannot look like another line or another colour, and what has
/// the form of a secret is left out.
fn tell_field(
    out: &mut Writer<'_>,
    field: &tracing::field::Field,
    value: &dyn std::fmt::Debug,
) -> std::fmt::Result {
    let text = formless(format!("{value:?}").into());
    let text = show(&text, Surface::Log);
    match field.name() {
        "message" => write!(out, "{text}"),
        name => write!(out, "{name}={text}"),
    }
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 refused or failed; 2 faults in what was given; \
    3 nothing of that name; 4 a person would have to be asked.";
