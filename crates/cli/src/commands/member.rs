//! `member list|add|remove|update|promote`: who belongs to the cluster.

use std::ffi::{OsStr, OsString};

use etcd_client::proto::{PbMember, PbMemberListResponse};
use prost::Message;
use proto::etcdserverpb::cluster_client::ClusterClient;
use proto::etcdserverpb::{
    Member, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberPromoteRequest,
    MemberRemoveRequest, MemberUpdateRequest, ResponseHeader,
};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::{bad_arguments, header, help, is_serializable, member_id, show};
use crate::args::{Globals, MemberArgs, MemberCommand};
use crate::connection::{Connection, Purpose, within};
use crate::failure::{Exit, Failure};
use crate::print::{Answer, Changed, Deed};
use crate::settings::Settings;

/// Lists the members, or changes them.
///
/// # Errors
/// The arguments make no sense, or the server refuses.
pub async fn run(globals: &Globals, args: MemberArgs) -> Result<(), Failure> {
    let change = match args.command {
        None => return help(&["member"], &[]),
        Some(MemberCommand::Other(words)) => return help(&["member"], &words),
        Some(MemberCommand::List { consistency, .. }) => {
            return run_list(globals, &consistency).await;
        }
        Some(MemberCommand::Add { words, peer_urls, learner }) => {
            Change::add(&words, peer_urls, learner)?
        }
        Some(MemberCommand::Remove { words }) => Change::Remove(only_id(&words)?),
        Some(MemberCommand::Update { words, peer_urls }) => {
            let id = only_id(&words)?;
            Change::Update { id, peer_urls: given(peer_urls)? }
        }
        Some(MemberCommand::Promote { words }) => Change::Promote(only_id(&words)?),
    };
    let settings = Settings::resolve(globals, None)?;
    // A change is not made if its answer could not be shown.
    settings.output.check_for_change()?;
    let changed = within(&settings, &settings.endpoints, Purpose::Write, async |connection| {
        change.clone().make(ClusterClient::new(connection.channel)).await
    })
    .await?;
    show(&Answer::Changed(changed), settings.output)
}

async fn run_list(globals: &Globals, consistency: &str) -> Result<(), Failure> {
    let linearizable = !is_serializable(consistency)?;
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
    let response = client.member_list(MemberListRequest { linearizable }).await?.into_inner();
    let members = response.members.into_iter().map(member).collect();
    Ok(PbMemberListResponse { header: response.header.map(header), members })
}

/// What is to change.
#[derive(Clone)]
enum Change {
    Add { name: String, peer_urls: String, learner: bool },
    Remove(u64),
    Update { id: u64, peer_urls: String },
    Promote(u64),
}

impl Change {
    fn add(words: &[OsString], peer_urls: String, learner: bool) -> Result<Change, Failure> {
        let name = match words {
            [] => return Err(bad_arguments("member name not provided")),
            [name] => name.to_string_lossy().into_owned(),
            words => return Err(bad_arguments(&too_many(words))),
        };
        Ok(Change::Add { name, peer_urls: given(peer_urls)?, learner })
    }

    /// Asks for the change.
    async fn make(self, mut client: ClusterClient<Channel>) -> Result<Changed, Failure> {
        match self {
            Change::Add { name, peer_urls, learner } => {
                let peer_ur_ls = checked(&peer_urls)?;
                let request = MemberAddRequest { peer_ur_ls, is_learner: learner };
                let answer = client.member_add(request).await.map_err(failed)?.into_inner();
                let encoded = answer.encode_to_vec();
                let MemberAddResponse { header, member, members } = answer;
                let id = member.as_ref().map_or(0, |member| member.id);
                let deed = Deed::Added { name, peer_urls };
                Ok(changed(id, deed, header, member, members, encoded))
            }
            Change::Remove(id) => {
                let request = MemberRemoveRequest { id };
                let answer = client.member_remove(request).await.map_err(failed)?.into_inner();
                let encoded = answer.encode_to_vec();
                Ok(changed(id, Deed::Removed, answer.header, None, answer.members, encoded))
            }
            Change::Update { id, peer_urls } => {
                let request = MemberUpdateRequest { id, peer_ur_ls: checked(&peer_urls)? };
                let answer = client.member_update(request).await.map_err(failed)?.into_inner();
                let encoded = answer.encode_to_vec();
                Ok(changed(id, Deed::Updated, answer.header, None, answer.members, encoded))
            }
            Change::Promote(id) => {
                let request = MemberPromoteRequest { id };
                let answer = client.member_promote(request).await.map_err(failed)?.into_inner();
                let encoded = answer.encode_to_vec();
                Ok(changed(id, Deed::Promoted, answer.header, None, answer.members, encoded))
            }
        }
    }
}

fn changed(
    id: u64,
    deed: Deed,
    told: Option<ResponseHeader>,
    about: Option<Member>,
    members: Vec<Member>,
    encoded: Vec<u8>,
) -> Changed {
    Changed {
        id,
        deed,
        header: told.map(header),
        member: about.map(member),
        members: members.into_iter().map(member).collect(),
        encoded,
    }
}

fn only_id(words: &[OsString]) -> Result<u64, Failure> {
    let [word] = words else { return Err(bad_arguments("member ID is not provided")) };
    member_id(OsStr::new(word))
        .map_err(|why| bad_arguments(&format!("bad member ID arg ({why}), expecting ID in Hex")))
}

fn given(peer_urls: String) -> Result<String, Failure> {
    match peer_urls.is_empty() {
        true => Err(bad_arguments("member peer urls not provided")),
        false => Ok(peer_urls),
    }
}

fn too_many(words: &[OsString]) -> String {
    let mut message = "too many arguments".to_owned();
    for word in words.iter().map(|word| word.to_string_lossy()) {
        if word.to_lowercase().starts_with("http") {
            message += &format!(", did you mean --peer-urls={word}");
        }
    }
    message
}

fn checked(urls: &str) -> Result<Vec<String>, Failure> {
    let urls = urls.split(',');
    urls.map(|url| check_url(url).map(|()| url.to_owned())).collect()
}

/// What etcd's own client finds wrong with a member's URL. What it lets through, the
/// server judges.
fn check_url(url: &str) -> Result<(), Failure> {
    let url = url.trim();
    let wrong = |why: &str| Err(Failure::new(Exit::Error, format!("{why}: {url}")));
    let rest = match url.split_once("://") {
        Some(("http" | "https", rest)) => rest,
        Some(("unix" | "unixs", _)) => return Ok(()),
        _ => return wrong("URL scheme must be http, https, unix, or unixs"),
    };
    let (place, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    if !place.contains(':') {
        return wrong("URL address does not have the form \"host:port\"");
    }
    if !path.is_empty() {
        return wrong("URL must not contain a path");
    }
    Ok(())
}

/// The server's refusal, with what to do about it where it is not plain.
fn failed(status: Status) -> Failure {
    let hint = hint(status.code(), status.message());
    let failure = Failure::from(status);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

fn hint(code: Code, message: &str) -> Option<&'static str> {
    let message = message.strip_prefix("etcdserver: ").unwrap_or(message);
    Some(match message {
        "unhealthy cluster" => {
            "too few members are in touch with the leader: start or remove those that are away"
        }
        "re-configuration failed due to not enough started members" => {
            "a member that was added has not been started yet: start it, or remove it, first"
        }
        "can only promote a learner member which is in sync with leader" => {
            "the learner has not caught up yet: try again later"
        }
        "too many learner members in cluster" => {
            "promote or remove the learner that is there, or raise --max-learners of the nodes"
        }
        "request timed out" => {
            "the change may have been made: look at `kvctl member list` before asking again"
        }
        _ if code == Code::Unavailable => {
            "the change may have been made: look at `kvctl member list` before asking again"
        }
        _ => return None,
    })
}

fn member(member: Member) -> PbMember {
    PbMember {
        id: member.id,
        name: member.name,
        peer_ur_ls: member.peer_ur_ls,
        client_ur_ls: member.client_ur_ls,
        is_learner: member.is_learner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(Into::into).collect()
    }

    #[test]
    fn arguments_are_checked_in_etcdctls_words() {
        for (given, urls, why) in [
            (&[][..], "http://a:1", "member name not provided"),
            (&["n"], "", "member peer urls not provided"),
            (&["n", "http://a:1"], "", "too many arguments, did you mean --peer-urls=http://a:1"),
        ] {
            let failure = Change::add(&words(given), urls.to_owned(), false).err().expect(why);
            assert_eq!(failure.words(), why);
        }
        let failure = only_id(&words(&["xyz"])).expect_err("no number");
        assert_eq!(
            failure.words(),
            "bad member ID arg (strconv.ParseUint: parsing \"xyz\": invalid syntax), \
             expecting ID in Hex"
        );
        assert_eq!(only_id(&words(&["8e9e05c52164694d"])), Ok(0x8e9e_05c5_2164_694d));
    }

    #[test]
    fn urls_are_checked_as_by_etcds_client() {
        for url in ["http://a:1", " https://a:1 ", "unix://a", "http://[::1]:1"] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for (url, why) in [
            ("a:1", "URL scheme must be http, https, unix, or unixs: a:1"),
            ("http://a", "URL address does not have the form \"host:port\": http://a"),
            ("http://a:1/", "URL must not contain a path: http://a:1/"),
        ] {
            let failure = check_url(url).expect_err(why);
            assert_eq!((failure.words(), failure.exit), (why, Exit::Error));
        }
    }

    #[test]
    fn a_change_that_may_have_been_made_says_so() {
        let unsure = failed(Status::unavailable("etcdserver: request timed out"));
        assert_eq!(unsure.words(), "etcdserver: request timed out");
        assert!(unsure.hint.is_some_and(|hint| hint.contains("may have been made")));
        assert_eq!(failed(Status::not_found("etcdserver: member not found")).hint, None);
    }
}
