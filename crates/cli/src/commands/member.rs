//! `member list`: who belongs to the cluster.

use etcd_client::proto::{PbMember, PbMemberListResponse, PbResponseHeader};
use proto::etcdserverpb::cluster_client::ClusterClient;
use proto::etcdserverpb::{MemberListRequest, MemberListResponse};

use super::{help, is_serializable, show};
use crate::args::{Globals, MemberArgs, MemberCommand};
use crate::connection::{Connection, Purpose, within};
use crate::failure::Failure;
use crate::print::Answer;
use crate::settings::Settings;

/// Lists the members.
///
/// # Errors
/// The consistency is unknown, or the server refuses.
pub async fn run(globals: &Globals, args: MemberArgs) -> Result<(), Failure> {
    let consistency = match args.command {
        None => return help(&["member"], &[]),
        Some(MemberCommand::Other(words)) => return help(&["member"], &words),
        Some(MemberCommand::List { consistency, .. }) => consistency,
    };
    let linearizable = !is_serializable(&consistency)?;
    let settings = Settings::resolve(globals, None)?;
    let members = within(&settings, &settings.endpoints, Purpose::Read, async |connection| {
        list(connection, linearizable).await
    })
    .await?;
    show(&Answer::Members(members), settings.output)
}

/// Asks for the members. `etcd-client` cannot ask for a linearizable list, so the
/// request is made on the connection itself; nobody needs to be authenticated for it.
///
/// # Errors
/// The server refuses.
pub async fn list(
    connection: Connection,
    linearizable: bool,
) -> Result<PbMemberListResponse, Failure> {
    let mut client = ClusterClient::new(connection.channel);
    let response = client.member_list(MemberListRequest { linearizable }).await?;
    Ok(converted(response.into_inner()))
}

fn converted(list: MemberListResponse) -> PbMemberListResponse {
    let header = list.header.map(|header| PbResponseHeader {
        cluster_id: header.cluster_id,
        member_id: header.member_id,
        revision: header.revision,
        raft_term: header.raft_term,
    });
    let members = list.members.into_iter().map(|member| PbMember {
        id: member.id,
        name: member.name,
        peer_ur_ls: member.peer_ur_ls,
        client_ur_ls: member.client_ur_ls,
        is_learner: member.is_learner,
    });
    PbMemberListResponse { header, members: members.collect() }
}
