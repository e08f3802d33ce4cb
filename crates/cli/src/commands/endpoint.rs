//! `endpoint health|status|hashkv`: asks each endpoint by itself.

use etcd_client::proto::PbAlarmMember;
use etcd_client::{AlarmAction, AlarmType};
use tokio::time::Instant;

use super::{help, member, show};
use crate::args::{EndpointArgs, EndpointCommand, Globals};
use crate::connection::{Connection, within};
use crate::failure::{Exit, Failure};
use crate::print::{Answer, Format, Health, unhealthy};
use crate::settings::Settings;
use crate::terminal;

/// Asks, and prints the answers of those that answered.
///
/// # Errors
/// An endpoint did not answer, or is not healthy.
pub async fn run(globals: &Globals, args: EndpointArgs) -> Result<(), Failure> {
    let command = match args.command {
        None => return help(&["endpoint"], &[]),
        Some(EndpointCommand::Other(words)) => return help(&["endpoint"], &words),
        Some(command) => command,
    };
    let settings = Settings::resolve(globals, Some(args.cluster))?;
    let endpoints = endpoints(&settings).await?;
    match command {
        EndpointCommand::Status { .. } => status(&settings, endpoints).await,
        EndpointCommand::Hashkv { rev, .. } => hash(&settings, endpoints, rev).await,
        EndpointCommand::Health { .. } | EndpointCommand::Other(_) => {
            health(&settings, endpoints).await
        }
    }
}

/// The endpoints given, or all that the cluster lists.
async fn endpoints(settings: &Settings) -> Result<Vec<String>, Failure> {
    if !settings.cluster {
        return Ok(settings.endpoints.clone());
    }
    let list = within(settings, &settings.endpoints, async |connection| {
        member::list(connection, true).await
    })
    .await
    .map_err(|failure| {
        let message =
            format!("failed to fetch endpoints from etcd cluster member list: {}", failure.words());
        Failure { message: Some(message), ..failure }
    })?;
    Ok(list.members.into_iter().flat_map(|member| member.client_ur_ls).collect())
}

async fn status(settings: &Settings, endpoints: Vec<String>) -> Result<(), Failure> {
    let mut answers = Vec::new();
    let mut failed = false;
    for endpoint in endpoints {
        let answer = within(settings, std::slice::from_ref(&endpoint), async |mut connection| {
            Ok(connection.client.status().await?.0)
        });
        match answer.await {
            Ok(answer) => answers.push((endpoint, answer)),
            Err(failure) => {
                failed = true;
                tell(&format!("Failed to get the status of endpoint {endpoint}"), &failure);
            }
        }
    }
    show(&Answer::Status(answers), settings.output)?;
    if failed { Err(Failure::reported()) } else { Ok(()) }
}

async fn hash(settings: &Settings, endpoints: Vec<String>, revision: i64) -> Result<(), Failure> {
    let mut answers = Vec::new();
    let mut last = None;
    for endpoint in endpoints {
        let answer = within(settings, std::slice::from_ref(&endpoint), async |connection| {
            Ok(connection.client.maintenance_client().hash_kv(revision).await?.0)
        });
        match answer.await {
            Ok(answer) => answers.push((endpoint, answer)),
            Err(failure) => {
                tell(&format!("Failed to get the hash of endpoint {endpoint}"), &failure);
                last = Some(Failure { hint: None, ..failure });
            }
        }
    }
    show(&Answer::Hash(answers), settings.output)?;
    last.map_or(Ok(()), Err)
}

/// Asks all endpoints at once: one that is gone must not make the others late.
async fn health(settings: &Settings, endpoints: Vec<String>) -> Result<(), Failure> {
    let tasks: Vec<_> = endpoints
        .into_iter()
        .map(|endpoint| {
            let settings = settings.clone();
            tokio::spawn(async move { examine(&settings, endpoint).await })
        })
        .collect();
    let mut list = Vec::with_capacity(tasks.len());
    for task in tasks {
        list.push(task.await.map_err(|error| {
            Failure::new(Exit::Error, format!("an endpoint was not asked: {error}"))
        })?);
    }
    // Those that answered first are printed first.
    list.sort_by_key(|health| health.took);
    if settings.output.format == Format::Simple {
        for health in &list {
            if let Some(error) = &health.error {
                terminal::say(unhealthy(&health.endpoint, error));
            }
        }
    }
    let healthy = list.iter().all(|health| health.error.is_none());
    show(&Answer::Health(list), settings.output)?;
    if healthy { Ok(()) } else { Err(Failure::new(Exit::Error, "unhealthy cluster")) }
}

/// A linearizable read shows that the server has a leader and a quorum; the alarms show
/// what it refuses nevertheless.
async fn examine(settings: &Settings, endpoint: String) -> Health {
    let started = Instant::now();
    let outcome = within(settings, std::slice::from_ref(&endpoint), async |mut connection| {
        read(&connection).await?;
        let took = started.elapsed();
        let alarms = connection.client.alarm(AlarmAction::Get, AlarmType::None, None).await;
        Ok((took, alarms.map(|response| response.0.alarms)))
    })
    .await;
    match outcome {
        Ok((took, alarms)) => {
            let error = match alarms {
                Ok(alarms) if alarms.is_empty() => None,
                Ok(alarms) => Some(active(&alarms)),
                Err(_) => Some("Unable to fetch the alarm list".to_owned()),
            };
            Health { endpoint, took: Some(took), error }
        }
        Err(failure) => Health {
            endpoint,
            took: Some(started.elapsed()),
            error: Some(failure.words().to_owned()),
        },
    }
}

/// Reads some key: which one does not matter. That the user may not read it is fine too,
/// for it took a quorum to find out.
async fn read(connection: &Connection) -> Result<(), Failure> {
    match connection.kv().get("health", None).await.map_err(Failure::from) {
        Err(failure) if failure.words() == "etcdserver: permission denied" => Ok(()),
        other => other.map(|_| ()),
    }
}

fn active(alarms: &[PbAlarmMember]) -> String {
    let names = alarms.iter().map(|alarm| match AlarmType::try_from(alarm.alarm) {
        Ok(AlarmType::Nospace) => "NOSPACE ",
        Ok(AlarmType::Corrupt) => "CORRUPT ",
        _ => "UNKNOWN ",
    });
    format!("Active Alarm(s): {}", names.collect::<String>())
}

/// Tells of one endpoint that failed, while the others are still to come.
fn tell(what: &str, failure: &Failure) {
    terminal::say(format_args!("{what} ({})", failure.words()));
    if let Some(hint) = &failure.hint {
        terminal::note(hint);
    }
}
