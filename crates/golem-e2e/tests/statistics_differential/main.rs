//! The same traffic through nutcracker and golemproxy, over real servers: every figure of both statistics documents is
//! compared. What differs stands with its reason in `testdata/statistics/differences.tsv`; a row that no longer occurs
//! fails as well.

mod scenes;
mod stage;

use golem_e2e::failure::{Failure, Outcome, ensure};
use golem_e2e::programs::Program;
use golem_e2e::test_data;
use scenes::{SCENES, Scene};
use stage::{Figures, Stage};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// A figure with both values, nutcracker's first.
type Differences = BTreeSet<(String, String, String)>;

/// The figures of both programs after a scene.
fn play(scene: &Scene) -> Outcome<Differences> {
    let run = |program| {
        let mut stage = Stage::set(program)?;
        (scene.play)(&mut stage)?;
        stage.settle()
    };
    let (theirs, ours): (Figures, Figures) = (run(Program::Nutcracker)?, run(Program::Golemproxy)?);
    ensure(theirs.keys().eq(ours.keys()), "the documents name different figures")?;
    let pairs = theirs.into_iter().zip(ours.into_values());
    Ok(pairs
        .filter(|((_, theirs), ours)| theirs != ours)
        .map(|((path, theirs), ours)| (path, theirs, ours))
        .collect())
}

/// The accepted differences of each scene.
fn accepted() -> Outcome<BTreeMap<String, Differences>> {
    let mut accepted: BTreeMap<String, Differences> = BTreeMap::new();
    let text = fs::read_to_string(test_data("statistics/differences.tsv"))?;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let [scene, path, theirs, ours, reason] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(Failure::new(format!("not five columns: {line}")));
        };
        ensure(!reason.is_empty(), format!("a difference without a reason: {line}"))?;
        ensure(SCENES.iter().any(|known| known.name == scene), format!("there is no scene '{scene}'"))?;
        accepted.entry(scene.into()).or_default().insert((path.into(), theirs.into(), ours.into()));
    }
    Ok(accepted)
}

#[test]
fn figures_after_the_same_traffic_differ_only_as_listed() -> Outcome {
    let accepted = accepted()?;
    let nothing = Differences::new();
    let mut report = String::new();
    for scene in SCENES {
        let found = play(scene).map_err(|failure| failure.during(format!("scene '{}'", scene.name)))?;
        let listed = accepted.get(scene.name).unwrap_or(&nothing);
        for (path, theirs, ours) in found.difference(listed) {
            report += &format!("{}\t{path}\t{theirs}\t{ours}\tis not listed\n", scene.name);
        }
        for (path, theirs, ours) in listed.difference(&found) {
            report += &format!("{}\t{path}\t{theirs}\t{ours}\tis listed and does not occur\n", scene.name);
        }
    }
    ensure(report.is_empty(), format!("\nscene, figure, nutcracker, golemproxy\n{report}"))
}
