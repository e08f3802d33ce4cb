//! `alarm list|disarm`: what all members heed until somebody has seen to it.

use std::ffi::OsString;

use prost::Message;
use proto::etcdserverpb::alarm_request::AlarmAction;
use proto::etcdserverpb::maintenance_client::MaintenanceClient;
use proto::etcdserverpb::{AlarmMember, AlarmRequest, AlarmResponse};
use tonic::transport::Channel;

use super::{bad_arguments, header, help, show};
use crate::args::{AlarmArgs, AlarmCommand, Globals};
use crate::connection::{Purpose, within};
use crate::failure::Failure;
use crate::print::{Alarms, Answer};
use crate::settings::Settings;

/// Lists the alarms, or lifts them all.
///
/// # Errors
/// There are arguments, or the server refuses.
pub async fn run(globals: &Globals, args: AlarmArgs) -> Result<(), Failure> {
    let (words, name, purpose) = match &args.command {
        None => return help(&["alarm"], &[]),
        Some(AlarmCommand::Other(words)) => return help(&["alarm"], words),
        Some(AlarmCommand::List { words }) => (words, "list", Purpose::Read),
        Some(AlarmCommand::Disarm { words }) => (words, "disarm", Purpose::Write),
    };
    check(words, name)?;
    let settings = Settings::resolve(globals, None)?;
    if purpose == Purpose::Write {
        settings.output.check_for_alarms()?;
    }
    let answer = within(&settings, &settings.endpoints, purpose, async |connection| {
        let client = MaintenanceClient::new(connection.channel);
        match purpose {
            Purpose::Read => ask(&mut client.clone(), AlarmAction::Get, None).await,
            Purpose::Write | Purpose::Upkeep => disarm(client).await,
        }
    })
    .await?;
    show(&Answer::Alarms(shown(answer)), settings.output)
}

/// Lifts all alarms, one after the other. The answer has no header, as etcd's client
/// gives none.
async fn disarm(mut client: MaintenanceClient<Channel>) -> Result<AlarmResponse, Failure> {
    let raised = ask(&mut client, AlarmAction::Get, None).await?.alarms;
    let mut lifted = AlarmResponse::default();
    for alarm in raised {
        let answer = ask(&mut client, AlarmAction::Deactivate, Some(alarm)).await?;
        lifted.alarms.extend(answer.alarms);
    }
    Ok(lifted)
}

async fn ask(
    client: &mut MaintenanceClient<Channel>,
    action: AlarmAction,
    about: Option<AlarmMember>,
) -> Result<AlarmResponse, Failure> {
    let AlarmMember { member_id, alarm } = about.unwrap_or_default();
    let request = AlarmRequest { action: action.into(), member_id, alarm };
    Ok(client.alarm(request).await?.into_inner())
}

fn shown(answer: AlarmResponse) -> Alarms {
    let encoded = answer.encode_to_vec();
    let raised = answer.alarms.iter().map(|alarm| (alarm.member_id, alarm.alarm)).collect();
    Alarms { header: answer.header.map(header), raised, encoded }
}

fn check(words: &[OsString], name: &str) -> Result<(), Failure> {
    match words {
        [] => Ok(()),
        _ => Err(bad_arguments(&format!("alarm {name} command accepts no arguments"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::{Format, Output};

    #[test]
    fn arguments_are_refused_in_etcdctls_words() {
        assert_eq!(check(&[], "list"), Ok(()));
        let failure = check(&["x".into()], "disarm").expect_err("it takes none");
        assert_eq!(failure.words(), "alarm disarm command accepts no arguments");
    }

    #[test]
    fn alarms_look_as_etcdctl_shows_them() {
        let raised = [(7, 1), (8, 2), (9, 5)];
        let alarms = raised.map(|(member_id, alarm)| AlarmMember { member_id, alarm }).to_vec();
        let answer = Answer::Alarms(shown(AlarmResponse { header: None, alarms }));
        let render = |format| {
            let output = Output { format, hex: false, value_only: false };
            answer.render(output).map(|text| String::from_utf8(text).expect("it is text"))
        };
        let lines = "memberID:7 alarm:NOSPACE\nmemberID:8 alarm:CORRUPT\nmemberID:9 alarm:5\n";
        assert_eq!(render(Format::Simple).as_deref(), Ok(lines));
        let json = r#"{"alarms":[{"memberID":7,"alarm":1},{"memberID":8,"alarm":2},{"memberID":9,"alarm":5}]}"#;
        assert_eq!(render(Format::Json).as_deref(), Ok(&*format!("{json}\n")));
        let fields = render(Format::Fields).expect("it has a place for them");
        let head = "\"ClusterID\" : 0\n\"MemberID\" : 0\n\"RaftTerm\" : 0\n";
        let first = "\"MemberID\" : 7\n\"AlarmType\" : NOSPACE\n\n";
        assert!(fields.starts_with(&format!("{head}{first}")), "{fields}");
        assert!(render(Format::Table).is_err());
    }
}
