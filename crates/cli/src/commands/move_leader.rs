//! `move-leader`: hands the leadership over. Only the leader takes the request, so it is
//! looked for among the endpoints.

use prost::Message;
use proto::etcdserverpb::MoveLeaderRequest;
use proto::etcdserverpb::maintenance_client::MaintenanceClient;

use super::{bad_arguments, member_id, show};
use crate::args::{Globals, MoveLeaderArgs};
use crate::connection::{Purpose, within};
use crate::failure::Failure;
use crate::print::{Answer, Moved};
use crate::settings::Settings;

/// Hands over.
///
/// # Errors
/// The id is none, no endpoint leads, or the leader refuses.
pub async fn run(globals: &Globals, args: &MoveLeaderArgs) -> Result<(), Failure> {
    let [word] = args.words.as_slice() else {
        return Err(bad_arguments("move-leader command needs 1 argument"));
    };
    let to = member_id(word).map_err(|why| bad_arguments(&why))?;
    let settings = Settings::resolve(globals, None)?;
    settings.output.check_for_change()?;
    for endpoint in &settings.endpoints {
        let endpoint = std::slice::from_ref(endpoint);
        let moved = within(&settings, endpoint, Purpose::Write, async |mut connection| {
            let status = connection.client.status().await?.0;
            let from = status.leader;
            if status.header.is_none_or(|header| header.member_id != from) {
                return Ok(None);
            }
            let mut client = MaintenanceClient::new(connection.channel);
            let request = MoveLeaderRequest { target_id: to };
            let answer = client.move_leader(request).await?.into_inner();
            Ok(Some(Moved { from, to, encoded: answer.encode_to_vec() }))
        });
        if let Some(moved) = moved.await? {
            return show(&Answer::Moved(moved), settings.output);
        }
    }
    let endpoints = settings.endpoints.join(" ");
    Err(bad_arguments(&format!("no leader endpoint given at [{endpoints}]"))
        .with_hint("only the leader hands over: name all members with --endpoints"))
}
