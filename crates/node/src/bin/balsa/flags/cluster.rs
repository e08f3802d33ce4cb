//! The members that a cluster is founded with.

use std::collections::BTreeMap;

use super::error::FlagError;
use super::settings::Founding;
use super::url::Url;
use super::values::Values;

/// Reads the founding members: `name=url,name=url`. One member may stand there
/// several times, once for each of its URLs.
///
/// The own member must be among them, with the URLs that it is to advertise:
/// otherwise its peers could not reach it.
pub fn read(values: &Values, name: &str, advertised: &[Url]) -> Result<Vec<Founding>, FlagError> {
    let text = values.text("initial-cluster");
    let fault = |why: String| Err(FlagError::invalid("initial-cluster", text, why));
    if text.is_empty() {
        return alone(values, name, advertised);
    }
    let mut members: BTreeMap<String, Vec<Url>> = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((name, url)) = part.split_once('=') else {
            return fault(format!("{part:?} is not of the form name=url"));
        };
        match Url::parse(url) {
            Ok(url) => members.entry(name.to_owned()).or_default().push(url),
            Err(why) => return fault(format!("{url}: {why}")),
        }
    }
    let mut seen: BTreeMap<Url, String> = BTreeMap::new();
    for (member, urls) in &mut members {
        urls.sort();
        urls.dedup();
        for url in urls {
            if let Some(other) = seen.insert(url.clone(), member.clone()) {
                return fault(format!("{other} and {member} have the same peer URL {url}"));
            }
        }
    }
    match members.get(name) {
        None => fault(format!("it does not have the member {name:?}, which --name says this is")),
        Some(urls) if urls != advertised => fault(format!(
            "it gives {name} the peer URLs {}, but --initial-advertise-peer-urls is {}",
            list(urls),
            list(advertised)
        )),
        Some(_) => Ok(members.into_iter().map(|(name, urls)| Founding::new(name, &urls)).collect()),
    }
}

/// A member of a cluster of its own. Without a name it may have no URLs of its own
/// either: somebody who sets them means a cluster, and must say which.
fn alone(values: &Values, name: &str, advertised: &[Url]) -> Result<Vec<Founding>, FlagError> {
    if values.is_given("initial-advertise-peer-urls") && !values.is_given("name") {
        return Err(FlagError::Invalid(
            "--initial-advertise-peer-urls is set, but neither --name nor --initial-cluster \
             tells whose they are; set --initial-cluster"
                .to_owned(),
        ));
    }
    Ok(vec![Founding::new(name.to_owned(), advertised)])
}

fn list(urls: &[Url]) -> String {
    urls.iter().map(Url::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn founding(given: &[(&'static str, &str)]) -> Result<Vec<Founding>, FlagError> {
        let given = given.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let values = Values::new(given.collect());
        let advertised = values.urls("initial-advertise-peer-urls")?;
        read(&values, values.text("name"), &advertised)
    }

    #[test]
    fn a_cluster_is_read() {
        let found = founding(&[
            ("name", "b"),
            ("initial-cluster", "a=http://a:1,b=http://b:2,b=http://b:1"),
            ("initial-advertise-peer-urls", "http://b:1,http://b:2"),
        ]);
        let expected = [("a", vec!["http://a:1"]), ("b", vec!["http://b:1", "http://b:2"])].map(
            |(name, urls)| Founding {
                name: name.to_owned(),
                peer_urls: urls.into_iter().map(str::to_owned).collect(),
            },
        );
        assert_eq!(found, Ok(expected.to_vec()));
    }

    #[test]
    fn a_member_alone_is_its_own_cluster() {
        let found = founding(&[]).expect("the defaults can be followed");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "default");
        assert_eq!(found[0].peer_urls, ["http://localhost:2380"]);
        let found = founding(&[("name", "n"), ("initial-advertise-peer-urls", "http://a:1")]);
        assert!(found.is_ok_and(|found| found[0].peer_urls == ["http://a:1"]));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let cluster = |text| [("name", "a"), ("initial-cluster", text)];
        let own = "a=http://localhost:2380";
        for (given, why) in [
            (cluster("b=http://localhost:2380").as_slice(), "does not have the member \"a\""),
            (cluster("a=http://a:1").as_slice(), "but --initial-advertise-peer-urls is"),
            (cluster("http://a:1").as_slice(), "name=url"),
            (cluster("a=https://a:1").as_slice(), "TLS"),
            (cluster(&format!("{own},b=http://localhost:2380")).as_slice(), "the same peer URL"),
            (&[("initial-advertise-peer-urls", "http://a:1")], "set --initial-cluster"),
        ] {
            let refused = founding(given).expect_err(why).to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
