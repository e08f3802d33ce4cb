//! What a node counts.

use bench::client::http_get;

use super::{ONE_CALL, Town};

impl Town {
    /// The sum of all samples of a metric that a node shows, whatever their labels.
    /// A metric that it does not show is an error of the test.
    pub async fn metric(&self, node: usize, name: &str) -> f64 {
        let endpoint = self.endpoints().swap_remove(node);
        let page = http_get(&endpoint, "/metrics", ONE_CALL).await;
        let page = page.unwrap_or_else(|error| panic!("no metrics: {error}"));
        sum(&page, name).unwrap_or_else(|| panic!("node {node} shows no metric {name}"))
    }
}

fn sum(page: &str, name: &str) -> Option<f64> {
    let is_sample =
        |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
    let values = page.lines().filter(is_sample).filter_map(|line| line.rsplit(' ').next());
    values.map(|value| value.parse::<f64>().expect("a sample is a number")).reduce(|a, b| a + b)
}

#[test]
fn samples_of_one_name_are_added() {
    let page = "# TYPE a counter\na{x=\"1\"} 2\na{x=\"2\"} 3.5\nab 7\nb 0\n";
    assert_eq!(sum(page, "a"), Some(5.5));
    assert_eq!(sum(page, "b"), Some(0.0));
    assert_eq!(sum(page, "c"), None);
}
