//! The page on compatibility names every command of the table, and no other, in its table of commands.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use golem_protocol::memcached::Command;

const PAGE: &str = include_str!("../../../docs/compatibility.md");

/// The words in code style in the first column of the table under this heading.
fn first_column(heading: &str) -> BTreeSet<&'static str> {
    let section = PAGE.split_once(heading).expect("the heading").1;
    let section = section.split("\n#").next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn the_table_of_commands_is_the_one_in_the_code() {
    let known: BTreeSet<_> = Command::ALL.iter().map(|command| command.name()).collect();
    assert_eq!(first_column("\n## memcached commands\n"), known);
}
