//! Plays the seeds of a fuzzer, and every input that once made it fail, as an ordinary test.

use std::fs;
use std::path::Path;

/// Runs the body of `target` on each of its files; a failure names the file.
pub(crate) fn replay(target: &str, run: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = [root.join("fuzz/seeds").join(target), root.join("testdata/fuzz").join(target)];
    let mut played = 0;
    for folder in folders.iter().filter(|folder| folder.exists()) {
        let mut files: Vec<_> =
            fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
        files.sort();
        for file in files {
            println!("{}", file.display());
            run(&fs::read(&file).expect("its bytes"));
            played += 1;
        }
    }
    assert!(played > 0, "no files of {target}");
}
