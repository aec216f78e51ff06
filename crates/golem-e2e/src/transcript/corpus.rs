//! All transcript files against one target, with the target's list of differences.

use super::difference::{self, Difference, Way};
use super::play::{Deviation, Stage, play};
use super::scene::{self, Scene};
use crate::conversation::{Arrival, Conversation, PATIENCE};
use crate::failure::{Failure, Outcome, ensure};
use crate::target::Target;
use crate::test_data;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long a scene may stay without an answer where silence is no surprise. Too short would only let a difference that has
/// gone stay in the list on a slow day.
const SHORT: Duration = Duration::from_millis(200);

/// Plays every scene of every file in `testdata/transcripts`, each on empty servers, and reports all that is not as
/// written and not listed.
pub fn check(target: &Target) -> Outcome {
    let folder = test_data("transcripts");
    let differences = read_differences(&folder, target)?;
    let mut is_used = vec![false; differences.len()];
    let mut failures = Vec::new();
    let mut count = 0;
    for (file, scenes) in read_scenes(&folder)? {
        for scene in &scenes {
            let listed = difference::find(&differences, &file, &scene.name);
            let at = listed.and_then(|entry| differences.iter().position(|other| other.scene == entry.scene));
            at.into_iter().for_each(|at| is_used[at] = true);
            let name = format!("{file}/{}", scene.name);
            let outcome = judge(scene, listed, target).and_then(|()| ask_again(target));
            failures.extend(outcome.err().map(|failure| format!("{name}: {failure}")));
            count += 1;
        }
    }
    for (entry, _) in differences.iter().zip(&is_used).filter(|(_, is_used)| !**is_used) {
        failures.push(format!("differences name '{}', which no transcript has", entry.scene));
    }
    ensure(count > 0, format!("no scenes in {}", folder.display()))?;
    let report = format!("{}: {} of {count} scenes\n{}", target.name(), failures.len(), failures.join("\n"));
    ensure(failures.is_empty(), report)
}

fn judge(scene: &Scene, listed: Option<&Difference>, target: &Target) -> Outcome {
    let stage = Stage { address: target.address(), cut: target.cut(), patience: PATIENCE };
    target.empty_servers()?;
    let Some(entry) = listed else {
        return match play(&scene.steps, stage)? {
            None => Ok(()),
            Some(deviation) => Err(Failure::new(told(&deviation))),
        };
    };
    let patience = if matches!(entry.way, Way::Closes) { PATIENCE } else { SHORT };
    let deviation = play(&scene.steps, Stage { patience, ..stage })?;
    if matches!(entry.way, Way::Varies) {
        return Ok(());
    }
    let Some(deviation) = deviation else {
        return Err(Failure::new(format!("a listed difference no longer occurs ({})", entry.reason)));
    };
    match &entry.way {
        Way::Varies => Ok(()),
        Way::Closes => {
            ensure(deviation.arrival == Arrival::End, format!("should close, {}", told(&deviation)))
        }
        Way::Waits => ensure(deviation.is_mute, format!("should wait, {}", told(&deviation))),
        Way::Otherwise(steps) => {
            target.empty_servers()?;
            match play(steps, stage)? {
                None => Ok(()),
                Some(deviation) => {
                    Err(Failure::new(format!("in the list of differences, {}", told(&deviation))))
                }
            }
        }
    }
}

/// After every scene the next client is served: nothing is out of step.
fn ask_again(target: &Target) -> Outcome {
    let mut client = Conversation::open(target.address())?;
    client.ask(b"set next 5 0 4\r\nfine\r\n", b"STORED\r\n")?;
    client.ask(b"get next\r\n", b"VALUE next 5 4\r\nfine\r\nEND\r\n").map_err(|f| f.during("the next client"))
}

fn told(deviation: &Deviation) -> String {
    match deviation.line {
        0 => format!("after the last line: {}", deviation.text),
        line => format!("line {line}: {}", deviation.text),
    }
}

fn read_scenes(folder: &Path) -> Outcome<Vec<(String, Vec<Scene>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| Failure::from(e).during(folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let scenes = scene::parse(&fs::read_to_string(&path)?).map_err(|f| f.during(path.display()))?;
            files.push((name, scenes));
        }
    }
    files.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(files)
}

fn read_differences(folder: &Path, target: &Target) -> Outcome<Vec<Difference>> {
    let mut all = Vec::new();
    for name in target.differences() {
        let path = folder.join("differences").join(format!("{name}.txt"));
        let text = fs::read_to_string(&path).map_err(|e| Failure::from(e).during(path.display()))?;
        all.extend(difference::parse(&text).map_err(|f| f.during(path.display()))?);
    }
    Ok(all)
}
