//! `endpoint health|status|hashkv`: asks each endpoint by itself.

use etcd_client::proto::PbAlarmMember;
use etcd_client::{AlarmAction, AlarmType};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::{help, member, show};
use crate::args::{EndpointArgs, EndpointCommand, Globals};
use crate::connection::{Connection, Purpose, within};
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
pub async fn endpoints(settings: &Settings) -> Result<Vec<String>, Failure> {
    if !settings.cluster {
        return Ok(settings.endpoints.clone());
    }
    let list = within(settings, &settings.endpoints, Purpose::Read, async |connection| {
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
    let asked = ask_all(settings, endpoints, async |settings, endpoint| {
        within(settings, endpoint, Purpose::Read, async |mut connection| {
            Ok(connection.client.status().await?.0)
        })
        .await
    });
    let mut answers = Vec::new();
    let mut failed = false;
    for (endpoint, answer) in asked.await? {
        match answer {
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
    let asked = ask_all(settings, endpoints, async move |settings, endpoint| {
        within(settings, endpoint, Purpose::Read, async |connection| {
            Ok(connection.client.maintenance_client().hash_kv(revision).await?.0)
        })
        .await
    });
    let mut answers = Vec::new();
    let mut last = None;
    for (endpoint, answer) in asked.await? {
        match answer {
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

async fn health(settings: &Settings, endpoints: Vec<String>) -> Result<(), Failure> {
    let asked =
        ask_all(settings, endpoints, async |settings, endpoint| examine(settings, endpoint).await);
    let mut list: Vec<Health> = asked.await?.into_iter().map(|(_, health)| health).collect();
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

/// Asks all endpoints at once, so that one that is gone does not make the others late:
/// the time for the command is the time for each. The answers come in the endpoints'
/// order.
async fn ask_all<T: 'static>(
    settings: &Settings,
    endpoints: Vec<String>,
    ask: impl AsyncFn(&Settings, &[String]) -> T + Clone + 'static,
) -> Result<Vec<(String, T)>, Failure> {
    let local = LocalSet::new();
    let tasks: Vec<_> = endpoints
        .into_iter()
        .map(|endpoint| {
            let (settings, ask) = (settings.clone(), ask.clone());
            local.spawn_local(async move {
                let answer = ask(&settings, std::slice::from_ref(&endpoint)).await;
                (endpoint, answer)
            })
        })
        .collect();
    local
        .run_until(async move {
            let mut answers = Vec::with_capacity(tasks.len());
            for task in tasks {
                answers.push(task.await.map_err(|error| {
                    Failure::new(Exit::Error, format!("an endpoint was not asked: {error}"))
                })?);
            }
            Ok(answers)
        })
        .await
}

/// A linearizable read shows that the server has a leader and a quorum; the alarms show
/// what it refuses nevertheless.
async fn examine(settings: &Settings, endpoint: &[String]) -> Health {
    let started = Instant::now();
    let outcome = within(settings, endpoint, Purpose::Read, async |mut connection| {
        read(&connection).await?;
        let took = started.elapsed();
        let alarms = connection.client.alarm(AlarmAction::Get, AlarmType::None, None).await;
        Ok((took, alarms.map(|response| response.0.alarms)))
    })
    .await;
    let endpoint = endpoint.concat();
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
pub fn tell(what: &str, failure: &Failure) {
    terminal::say(format_args!("{what} ({})", failure.words()));
    if let Some(hint) = &failure.hint {
        terminal::note(hint);
    }
}
